using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// What makes identities (section <c>Identity</c>): each of the two as a file, which is watched, or as the value itself, where
/// a host gives secrets as environment variables. A value lasts until the next start.
/// </summary>
public sealed class IdentityOptions
{
    public const string Section = "Identity";

    /// <summary>PKCS#8 PEM of this service's ES256 (P-256) private key, shared by its replicas.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>The same PEM as a value; its lines may be joined into one.</summary>
    public string Key { get; set; } = "";

    /// <summary>JSON Web Key Set with the public keys of all services.</summary>
    public string JwksFile { get; set; } = "";

    /// <summary>The same JSON as a value.</summary>
    public string Jwks { get; set; } = "";
}

internal sealed class IdentityValidator : IValidateOptions<IdentityOptions>
{
    public ValidateOptionsResult Validate(string? name, IdentityOptions options)
    {
        var errors = new List<string>();
        Check(nameof(options.KeyFile), options.KeyFile, nameof(options.Key), options.Key);
        Check(nameof(options.JwksFile), options.JwksFile, nameof(options.Jwks), options.Jwks);
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);

        void Check(string fileSetting, string path, string setting, string value)
        {
            if (value.Length > 0 && path.Length > 0)
                errors.Add($"{IdentityOptions.Section}:{fileSetting} and {IdentityOptions.Section}:{setting} are both set: keep one");
            else if (value.Length == 0 && path.Length == 0)
                errors.Add($"{IdentityOptions.Section}:{fileSetting} is not set, nor {IdentityOptions.Section}:{setting}");
            else if (path.Length > 0 && !File.Exists(path))
                errors.Add($"{IdentityOptions.Section}:{fileSetting}: file {path} missing");
        }
    }
}
