namespace Lyceum.Gateway.Auth;

/// <summary>Who may come in (section <c>Auth</c>).</summary>
public sealed class AuthOptions
{
    public const string Section = "Auth";

    /// <summary>API tokens by configuration.</summary>
    public IList<ApiTokenOptions> Tokens { get; init; } = [];

    /// <summary>
    /// File with the development token: tenant <c>dev</c>, all scopes. Ignored unless the environment is Development.
    /// </summary>
    public string? DevTokenFile { get; set; }

    /// <summary>
    /// Origins (<c>https://lyceum.example.org</c>) whose pages may call with the session cookie, beside the gateway's own: what
    /// people see when TLS ends before the gateway.
    /// </summary>
    public IList<string> AllowedOrigins { get; init; } = [];
}

/// <summary>One API token. Its secret comes from exactly one of the three places; none is the configuration itself.</summary>
public sealed class ApiTokenOptions
{
    /// <summary>Names the token in logs and faults; also its subject unless <see cref="Subject"/> says otherwise.</summary>
    public string Id { get; set; } = "";

    /// <summary>
    /// File with the secret, watched. One secret a line: while a secret is being replaced, old and new stand side by side.
    /// </summary>
    [ConfigurationKeyName("secret_file")]
    public string? SecretFile { get; set; }

    /// <summary>Name of the environment variable with the secret.</summary>
    [ConfigurationKeyName("secret_env")]
    public string? SecretEnv { get; set; }

    /// <summary>SHA-256 of the secret, 64 hex digits: for who would rather not have it on this machine.</summary>
    [ConfigurationKeyName("secret_sha256")]
    public string? SecretSha256 { get; set; }

    public string Tenant { get; set; } = "";

    public string? Subject { get; set; }

    public IList<string> Scopes { get; init; } = [];

    /// <summary>Refused from then on; null for never.</summary>
    [ConfigurationKeyName("expires_at")]
    public DateTimeOffset? ExpiresAt { get; set; }
}
