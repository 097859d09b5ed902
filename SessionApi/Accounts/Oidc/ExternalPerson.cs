using Lyceum.Text;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>Who signed in, in the provider's words.</summary>
/// <param name="Issuer">With <paramref name="Subject"/>, who it is; everything else may change.</param>
/// <param name="VerifiedEmail">Null where the provider does not say that it is theirs.</param>
/// <param name="Usernames">What they could be called here, best first; in the form of <see cref="Username"/>.</param>
/// <param name="Name">Any script; null where the provider says none.</param>
/// <param name="Claims">All that the token says.</param>
internal sealed record ExternalPerson(
    string Issuer, string Subject, string? VerifiedEmail, IReadOnlyList<string> Usernames, string? Name, ILookup<string, string> Claims)
{
    // OpenID Connect Core, 2: at most 255 ASCII characters.
    private const int MaxSubject = 255;
    private const int MaxName = 100;

    /// <summary>Of a validated token; null where its subject is not one.</summary>
    public static ExternalPerson? Of(JsonWebToken token)
    {
        if (token.Subject is not { Length: > 0 and <= MaxSubject } subject || subject.Any(char.IsControl)
            || StorableText.Of(subject) != subject)
            return null;
        var claims = token.Claims.ToLookup(claim => claim.Type, claim => claim.Value);
        string? One(string type) => claims[type].FirstOrDefault(value => !string.IsNullOrWhiteSpace(value));

        var email = Username.Normalize(One("email"));
        var verified = email.Contains('@') && "true".Equals(One("email_verified"), StringComparison.OrdinalIgnoreCase);
        var called = Username.Normalize(One("preferred_username"));
        var name = StorableText.Truncate(
            new string([.. (One("name") ?? One("preferred_username") ?? "").Where(c => !char.IsControl(c))]), MaxName);
        return new(
            token.Issuer, subject, verified ? email : null, [.. new[] { email, called }.Where(Username.IsValid).Distinct()],
            name.Length > 0 ? name : null, claims);
    }

    public bool Has((string Type, string Value) claim) => Claims[claim.Type].Contains(claim.Value);

    public bool IsOf(IEnumerable<string> domains) =>
        VerifiedEmail is { } email && domains.Contains(email[(email.LastIndexOf('@') + 1)..], StringComparer.OrdinalIgnoreCase);
}
