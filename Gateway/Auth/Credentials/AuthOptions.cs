namespace Lyceum.Gateway.Auth.Credentials;

/// <summary>
/// Settings of authentication that come from AppHost, not from the configuration file (section <c>Auth</c>).
/// </summary>
internal sealed class AuthOptions
{
    public const string Section = "Auth";

    /// <summary>
    /// File with the development token: tenant <c>dev</c>, all scopes. Ignored unless the environment is Development.
    /// </summary>
    public string? DevTokenFile { get; set; }

    /// <summary>
    /// Origins (<c>https://lyceum.example.org</c>) whose pages may call with the session cookie, beside the gateway's
    /// own: needed when TLS ends before the gateway.
    /// </summary>
    public IList<string> AllowedOrigins { get; init; } = [];
}
