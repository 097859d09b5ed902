namespace Lyceum.Gateway.Auth;

/// <summary>What AppHost, rather than the configuration file, says about who may come in (section <c>Auth</c>).</summary>
public sealed class AuthOptions
{
    public const string Section = "Auth";

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
