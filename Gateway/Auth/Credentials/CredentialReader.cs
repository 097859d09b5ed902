using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Auth.Credentials;

internal enum CredentialKind { Token, HmacKey }

/// <summary>One secret that is accepted, and the caller it stands for.</summary>
/// <param name="Secret">
/// Of a token the SHA-256 of its secret, which itself is not kept; of a key the secret's bytes.
/// </param>
internal sealed record Credential(CredentialKind Kind, string Id, byte[] Secret, Caller Caller, DateTimeOffset? ExpiresAt)
{
    public bool HasSecretOf(Credential other) => Kind == other.Kind && CryptographicOperations.FixedTimeEquals(Secret, other.Secret);
}

/// <summary>The section <c>auth</c> as it is used.</summary>
internal sealed record LoadedCredentials(TimeSpan Grace, IReadOnlyList<Credential> All);

/// <summary>Reads the secrets that the configuration names.</summary>
internal static class CredentialReader
{
    private const string Dev = "dev";

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="auth">May have errors already: the rest is read all the same, to report its errors too.</param>
    /// <param name="devTokenFile">File with the token that has all scopes; null: there is none.</param>
    public static LoadedCredentials Load(AuthSettings auth, string? devTokenFile, SettingsCheck check)
    {
        auth.Check("auth", check);
        var credentials = new List<Credential>();
        foreach (var (index, token) in auth.Tokens.Index())
        {
            var path = $"auth.tokens[{index}]";
            var hashes = token.HashOfSecret is { } known ? [known] : Secrets(token, path, check).Select(Hash);
            credentials.AddRange(hashes.Select(hash => Create(CredentialKind.Token, token, hash)));
        }
        foreach (var (index, key) in auth.HmacKeys.Index())
        {
            credentials.AddRange(Secrets(key, $"auth.hmac_keys[{index}]", check)
                .Select(secret => Create(CredentialKind.HmacKey, key, Utf8.GetBytes(secret))));
        }
        if (devTokenFile is not null)
        {
            var caller = new Caller(Dev, Dev, CallerKind.Token, Scopes.All) { Role = Role.Owner };
            credentials.AddRange(Lines($"{AuthOptions.Section}:{nameof(AuthOptions.DevTokenFile)}", devTokenFile, check)
                .Select(secret => new Credential(CredentialKind.Token, Dev, Hash(secret), caller, null)));
        }

        // A token is found by its secret alone, so no two may share one. A key is found by its id.
        foreach (var same in credentials.Where(token => token.Kind == CredentialKind.Token)
            .GroupBy(token => Convert.ToHexString(token.Secret)).Where(same => same.Count() > 1))
            check.Error("auth.tokens", $"{string.Join(", ", same.Select(token => token.Id))} have the same secret");
        return new(auth.Grace, credentials);
    }

    private static Credential Create(CredentialKind kind, CredentialSettings settings, byte[] secret) => new(
        kind, settings.Id, secret,
        new Caller(
            settings.Tenant, settings.Subject ?? settings.Id, CallerKind.Token, settings.Scopes.ToFrozenSet())
        {
            Share = settings.Share, Role = Role.Owner,
        }, settings.ExpiresAt);

    private static IEnumerable<string> Secrets(CredentialSettings settings, string path, SettingsCheck check) => settings switch
    {
        { SecretEnv: { } variable } => check.Variable($"{path}.secret_env", variable) is { } secret ? [secret] : [],
        { SecretFile: { } file } => Lines($"{path}.secret_file", file, check),
        _ => [],
    };

    private static IEnumerable<string> Lines(string path, string file, SettingsCheck check)
    {
        if (check.Read(path, file) is not { } content)
            return [];
        try
        {
            var lines = Utf8.GetString(content).TrimStart('\uFEFF')
                .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            check.ErrorIf(lines.Length == 0, path, $"file {file} is empty");
            return lines.Distinct(StringComparer.Ordinal);
        }
        catch (DecoderFallbackException)
        {
            check.Error(path, $"file {file} is not text in UTF-8");
            return [];
        }
    }

    private static byte[] Hash(string secret) => SHA256.HashData(Utf8.GetBytes(secret));
}
