using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>The files that make identities (section <c>Identity</c>); AppHost writes them and names them here.</summary>
public sealed class IdentityOptions
{
    public const string Section = "Identity";

    /// <summary>PKCS#8 PEM of this service's ES256 (P-256) private key, shared by its replicas.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>JSON Web Key Set with the public keys of all services.</summary>
    public string JwksFile { get; set; } = "";
}

internal sealed class IdentityValidator : IValidateOptions<IdentityOptions>
{
    public ValidateOptionsResult Validate(string? name, IdentityOptions options)
    {
        var errors = new List<string>();
        Check(nameof(options.KeyFile), options.KeyFile);
        Check(nameof(options.JwksFile), options.JwksFile);
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);

        void Check(string setting, string path)
        {
            if (path.Length == 0)
                errors.Add($"{IdentityOptions.Section}:{setting} is not set");
            else if (!File.Exists(path))
                errors.Add($"{IdentityOptions.Section}:{setting}: file {path} missing");
        }
    }
}
