using System.Text.Json.Serialization;
using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.Gateway.Auth.Credentials;

/// <summary>The secrets that the gateway accepts (section <c>auth</c>). People who sign in need none of them.</summary>
internal sealed record AuthSettings
{
    /// <summary>
    /// Grace period: how long a secret that was replaced is still accepted beside its successor; 0: not at all. A token
    /// or key that is removed from the file has none.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>API tokens: <c>Authorization: Bearer</c> or <c>X-API-Key</c>.</summary>
    public IReadOnlyList<TokenSettings> Tokens { get; init; } = [];

    /// <summary>Keys of signed requests (docs/hmac.md).</summary>
    public IReadOnlyList<HmacKeySettings> HmacKeys { get; init; } = [];

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(Grace < TimeSpan.Zero || Grace > TimeSpan.FromDays(1),
            $"{path}.grace", "must be from 0 to a day");
        CheckAll(Tokens, $"{path}.tokens", check);
        CheckAll(HmacKeys, $"{path}.hmac_keys", check);
    }

    private static void CheckAll(IReadOnlyList<CredentialSettings> credentials, string path, SettingsCheck check)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, credential) in credentials.Index())
        {
            credential.Check($"{path}[{index}]", check);
            check.ErrorIf(!ids.Add(credential.Id), $"{path}[{index}].id", $"{credential.Id} is there twice");
        }
    }
}

/// <summary>Common to tokens and keys. The secret itself is never in the file, only where to find it.</summary>
internal abstract record CredentialSettings
{
    private const int MaxId = 64;

    /// <summary>Names it in logs, metrics and limits; a key's also in the request. Letters, digits, <c>. _ -</c>; at most 64.</summary>
    public required string Id { get; init; }

    /// <summary>Environment variable with the secret; read at start.</summary>
    public string? SecretEnv { get; init; }

    /// <summary>
    /// File with the secret, watched; relative to the configuration file. Each line is one, and all are accepted; a line that is
    /// replaced is accepted for <see cref="AuthSettings.Grace"/> longer.
    /// </summary>
    public string? SecretFile { get; init; }

    /// <summary>The tenant whose data the caller sees.</summary>
    public required string Tenant { get; init; }

    /// <summary>Who the caller is within the tenant; null: the id.</summary>
    public string? Subject { get; init; }

    /// <summary>What the caller may do; empty: nothing.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>
    /// How much of each bound (live sessions, tool calls, …) the caller may hold while nobody else uses it: above 0, at
    /// most 1; null: <c>Shares:Token</c>.
    /// </summary>
    public double? Share { get; init; }

    /// <summary>Rejected from then on; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public virtual void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(!IsId(Id), $"{path}.id", $"must be 1 to {MaxId} letters, digits, '.', '_' or '-'");
        check.ErrorIf(string.IsNullOrWhiteSpace(Tenant), $"{path}.tenant", "must not be empty");
        check.ErrorIf(Subject is not null && string.IsNullOrWhiteSpace(Subject),
            $"{path}.subject", "must not be empty");
        foreach (var (index, scope) in Scopes.Index())
        {
            check.ErrorIf(!ServiceDefaults.Auth.Scopes.All.Contains(scope), $"{path}.scopes[{index}]",
                $"unknown; there are {string.Join(", ", ServiceDefaults.Auth.Scopes.All.Order(StringComparer.Ordinal))}");
        }
        check.ErrorIf(Share is { } share && !ShareOptions.IsShare(share), $"{path}.share",
            "must be above 0 and at most 1");
        check.ErrorIf(Sources != 1, path, $"needs exactly one of {SourceNames}");
    }

    protected virtual int Sources => (SecretEnv is null ? 0 : 1) + (SecretFile is null ? 0 : 1);

    protected virtual string SourceNames => "secret_env, secret_file";

    private static bool IsId(string id) =>
        id.Length is > 0 and <= MaxId && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}

/// <summary>An API token.</summary>
internal sealed record TokenSettings : CredentialSettings
{
    /// <summary>SHA-256 of the secret, 64 hex digits, so that the secret itself need not be on this machine.</summary>
    public string? SecretSha256 { get; init; }

    public override void Check(string path, SettingsCheck check)
    {
        base.Check(path, check);
        check.ErrorIf(SecretSha256 is not null && HashOfSecret is null,
            $"{path}.secret_sha256", "must be 64 hex digits");
    }

    [JsonIgnore]
    public byte[]? HashOfSecret =>
        SecretSha256 is { Length: 64 } hex && hex.All(char.IsAsciiHexDigit) ? Convert.FromHexString(hex) : null;

    protected override int Sources => base.Sources + (SecretSha256 is null ? 0 : 1);

    protected override string SourceNames => $"{base.SourceNames}, secret_sha256";
}

/// <summary>A key that requests are signed with; signatures are verified with the secret itself.</summary>
internal sealed record HmacKeySettings : CredentialSettings;
