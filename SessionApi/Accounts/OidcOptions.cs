using System.Net;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Who gets an account at the first sign-in, without a code.</summary>
public enum OidcAdmission
{
    /// <summary>Only with an invitation, or with the setup code.</summary>
    Invited,

    /// <summary>Whose e-mail address the provider has verified and is of one of <see cref="OidcOptions.Domains"/>.</summary>
    Domains,

    /// <summary>Everyone who signs in at the provider.</summary>
    Anyone,
}

/// <summary>
/// An external OpenID Connect provider that people sign in with (section <c>Accounts:Oidc</c>). There is one where
/// <see cref="Authority"/> is set.
/// </summary>
public sealed class OidcOptions
{
    private const string Section = $"{AccountOptions.Section}:Oidc";

    /// <summary>Where a browser goes to sign in.</summary>
    internal const string LoginPath = $"{UserCookies.OidcPath}/login";

    /// <summary>The provider's issuer; <c>{Authority}/.well-known/openid-configuration</c> says the rest. https, or on loopback.</summary>
    public string? Authority { get; set; }

    public string? ClientId { get; set; }

    /// <summary>None of the two: a public client, for which PKCE vouches alone.</summary>
    public string? ClientSecret { get; set; }

    /// <summary>File with the secret, read at each use: it can be replaced at any time.</summary>
    public string? ClientSecretFile { get; set; }

    /// <summary>How the provider is called before people. Null: its host.</summary>
    public string? Name { get; set; }

    /// <summary>Separated by spaces.</summary>
    public string Scopes { get; set; } = "openid profile email";

    /// <summary>Null: as registration, that is <c>Anyone</c> where it is open, else <c>Invited</c>.</summary>
    public OidcAdmission? Admit { get; set; }

    /// <summary>E-mail domains for <see cref="OidcAdmission.Domains"/>, exact: <c>example.org</c> is not <c>a.example.org</c>.</summary>
    public IList<string> Domains { get; init; } = [];

    /// <summary>The tenant that its people belong to. Null: each founds one of their own, or comes by an invitation.</summary>
    public string? Tenant { get; set; }

    /// <summary>What they are there at first; an owner of the tenant changes it.</summary>
    public Role Role { get; set; } = Role.Student;

    /// <summary>
    /// <c>groups=lyceum</c>: a claim that every sign-in must have, also of people with an account. One value of a list
    /// is enough.
    /// </summary>
    public string? RequiredClaim { get; set; }

    /// <summary>
    /// Whether a verified e-mail address that is the username of an account with a password signs in to that account. Only for
    /// a provider one runs oneself, and where usernames are known to be their owners': a registration verifies none.
    /// </summary>
    public bool LinkVerifiedEmail { get; set; }

    /// <summary>How long the provider may take for an answer. Reached: 503 <c>identity_provider_unavailable</c>.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    public bool IsConfigured => !string.IsNullOrEmpty(Authority);

    public string DisplayName => !string.IsNullOrWhiteSpace(Name) ? Name : new Uri(Authority!).Host;

    internal (string Type, string Value)? Required =>
        RequiredClaim?.Split('=', 2) is [{ Length: > 0 } type, { Length: > 0 } value] ? (type, value) : null;

    /// <summary>Every validation error, or none.</summary>
    internal IEnumerable<string> Errors()
    {
        if (!IsConfigured)
        {
            if (!string.IsNullOrEmpty(ClientId))
                yield return $"{Section}:Authority is not set, but ClientId is";
            yield break;
        }
        if (!Uri.TryCreate(Authority, UriKind.Absolute, out var uri) || !(uri.Scheme == Uri.UriSchemeHttps || IsLoopback(uri)))
            yield return $"{Section}:Authority is '{Authority}'; it must be an https address, or one on loopback";
        if (string.IsNullOrEmpty(ClientId))
            yield return $"{Section}:ClientId is not set";
        if (!string.IsNullOrEmpty(ClientSecret) && !string.IsNullOrEmpty(ClientSecretFile))
            yield return $"{Section}: of ClientSecret and ClientSecretFile at most one can be set";
        if (!string.IsNullOrEmpty(ClientSecretFile) && !File.Exists(ClientSecretFile))
            yield return $"{Section}:ClientSecretFile: file {ClientSecretFile} missing";
        if (!Scopes.Split(' ').Contains("openid"))
            yield return $"{Section}:Scopes is '{Scopes}'; openid must be among them";
        if ((Admit == OidcAdmission.Domains) != (Domains.Count > 0))
            yield return $"{Section}:Domains goes with Admit=Domains, and Admit=Domains with at least one";
        if (!string.IsNullOrEmpty(RequiredClaim) && Required is null)
            yield return $"{Section}:RequiredClaim is '{RequiredClaim}'; it must be name=value";
        if (Tenant is { } tenant && (string.IsNullOrWhiteSpace(tenant) || tenant.Length > 200))
            yield return $"{Section}:Tenant must have 1 to 200 characters";
        if (Timeout <= TimeSpan.Zero || Timeout > TimeSpan.FromMinutes(1))
            yield return $"{Section}:Timeout is {Timeout}; it must be above 0 and at most a minute";
    }

    /// <summary>Plain HTTP is safe there: nothing leaves this machine.</summary>
    private static bool IsLoopback(Uri uri) =>
        uri.Scheme == Uri.UriSchemeHttp && (uri.Host == "localhost" || (IPAddress.TryParse(uri.DnsSafeHost, out var ip) && IPAddress.IsLoopback(ip)));
}
