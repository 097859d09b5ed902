namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// How a browser is signed in: HttpOnly, SameSite=Strict cookies that SessionApi sets and the gateway reads. Scripts
/// cannot read them.
/// </summary>
public static class UserCookies
{
    /// <summary>The user's JWT (<see cref="UserTokens"/>), for every path.</summary>
    public const string Session = "lyceum_session";

    /// <summary>The refresh token, for <see cref="RefreshPath"/> alone.</summary>
    public const string Refresh = "lyceum_refresh";

    public const string RefreshPath = "/api/auth";

    /// <summary>
    /// A sign-in by an external provider that has begun, for <see cref="OidcPath"/> alone. SameSite=Lax: the way back from the
    /// provider is another site's navigation. It is no sign-in by itself.
    /// </summary>
    public const string Oidc = "lyceum_oidc";

    public const string OidcPath = "/api/auth/oidc";
}
