using System.Collections.Frozen;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Auth;

/// <summary>Turns configuration and the secrets it names into a <see cref="TokenSet"/>, or into all faults at once.</summary>
internal static class TokenLoader
{
    private const string DevTenant = "dev";

    public static (TokenSet? Tokens, IReadOnlyList<string> Faults) Load(AuthOptions options, bool development)
    {
        var faults = new List<string>();
        var tokens = new List<AcceptedToken>();
        foreach (var token in options.Tokens)
        {
            Check(token, faults);
            var caller = new Caller(token.Tenant, token.Subject ?? token.Id, CallerKind.Token, token.Scopes.ToFrozenSet());
            tokens.AddRange(Hashes(token, faults).Select(hash => new AcceptedToken(token.Id, hash, caller, token.ExpiresAt)));
        }

        if (development && options.DevTokenFile is { Length: > 0 } file)
        {
            var caller = new Caller(DevTenant, DevTenant, CallerKind.Token, Scopes.All);
            tokens.AddRange(FromFile(file, faults).Select(hash => new AcceptedToken("dev", hash, caller, null)));
        }

        foreach (var same in tokens.GroupBy(token => Convert.ToHexString(token.Hash)).Where(same => same.Count() > 1))
            faults.Add($"tokens {string.Join(", ", same.Select(token => token.Id))} have the same secret");
        return faults.Count == 0 ? (new TokenSet(tokens), faults) : (null, faults);
    }

    private static void Check(ApiTokenOptions token, List<string> faults)
    {
        if (token.Id.Length == 0)
            faults.Add("a token has no id");
        if (token.Tenant.Length == 0)
            faults.Add($"token {token.Id} has no tenant");
        foreach (var scope in token.Scopes.Where(scope => !Scopes.All.Contains(scope)))
            faults.Add($"token {token.Id} has the unknown scope {scope}");
    }

    private static IReadOnlyList<byte[]> Hashes(ApiTokenOptions token, List<string> faults)
    {
        switch (token)
        {
            case { SecretFile: { Length: > 0 } file, SecretEnv: null, SecretSha256: null }:
                return FromFile(file, faults);
            case { SecretFile: null, SecretEnv: { Length: > 0 } variable, SecretSha256: null }:
                if (Environment.GetEnvironmentVariable(variable)?.Trim() is { Length: > 0 } secret)
                    return [TokenSet.Hash(secret)];
                faults.Add($"environment variable {variable} not set");
                return [];
            case { SecretFile: null, SecretEnv: null, SecretSha256: { Length: 64 } hex } when hex.All(char.IsAsciiHexDigit):
                return [Convert.FromHexString(hex)];
            default:
                faults.Add($"token {token.Id} needs exactly one of secret_file, secret_env and secret_sha256 (64 hex digits)");
                return [];
        }
    }

    private static IReadOnlyList<byte[]> FromFile(string path, List<string> faults)
    {
        if (!File.Exists(path))
        {
            faults.Add($"secret file {path} missing");
            return [];
        }

        try
        {
            var secrets = File.ReadAllLines(path).Select(line => line.Trim()).Where(line => line.Length > 0).ToList();
            if (secrets.Count == 0)
                faults.Add($"secret file {path} is empty");
            return [.. secrets.Select(TokenSet.Hash)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            faults.Add($"secret file {path} cannot be read: {e.Message}");
            return [];
        }
    }
}
