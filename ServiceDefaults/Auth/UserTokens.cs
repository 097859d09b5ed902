using System.Collections.Frozen;
using System.Security.Claims;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// What a signed-in person shows at the gateway (docs/adr/0010): a JWT that SessionApi signs with its own key. Its audience
/// is not that of an identity, so that no service takes it for one: the gateway alone reads it, and mints the identity.
/// </summary>
public sealed class UserTokens
{
    /// <summary>The one service that signs people in.</summary>
    public const string Issuer = "session-api";

    internal const string Audience = "lyceum-user";
    private const string Scheme = "user_token";

    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly IdentityKeys _keys;
    private readonly IdentityVerifier _verifier;
    private readonly ServiceInfo _service;
    private readonly TimeProvider _time;

    internal UserTokens(IdentityKeys keys, IdentityVerifier verifier, ServiceInfo service, TimeProvider time) =>
        (_keys, _verifier, _service, _time) = (keys, verifier, service, time);

    /// <summary>A token for a person who has just signed in. Only SessionApi's are accepted.</summary>
    public string Issue(string tenant, string subject, Role role, IEnumerable<string> scopes, TimeSpan lifetime)
    {
        var now = _time.GetUtcNow();
        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = _service.Service,
            Audience = Audience,
            IssuedAt = now.UtcDateTime,
            Expires = (now + lifetime).UtcDateTime,
            Claims = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                [JwtRegisteredClaimNames.Sub] = subject, ["tenant"] = tenant, ["scope"] = string.Join(' ', scopes),
                [RoleClaim.Name] = RoleClaim.Write(role),
            },
            SigningCredentials = _keys.Signing.Credentials,
        });
    }

    /// <summary>
    /// The person of a token, or why it is rejected. A verified one is remembered until it expires or its key goes.
    /// </summary>
    public async ValueTask<(ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(string token)
    {
        if (_keys.Trusted.VerifiedUsers.Find(token, _time.GetUtcNow()) is { } known)
            return known;

        var (jwt, rejection) = await _verifier.ValidateAsync(token, Audience);
        if (jwt is null)
            return (null, rejection);
        if (jwt.Issuer != Issuer)
            return (null, "issuer");
        if (string.IsNullOrEmpty(jwt.Subject) || !jwt.TryGetPayloadValue<string>("tenant", out var tenant) || string.IsNullOrEmpty(tenant)
            || !jwt.TryGetPayloadValue<string>("scope", out var scope))
        {
            return (null, "claims missing");
        }

        var caller = new Caller(
            tenant, jwt.Subject, CallerKind.User, scope.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToFrozenSet())
        {
            // One issued before there were roles: its tenant's only account.
            Role = RoleClaim.Read(jwt) ?? Role.Owner,
        };
        var principal = CallerIdentity.Principal(caller, Scheme);
        var trusted = _keys.Trusted;
        trusted.VerifiedUsers.Remember(trusted, token, jwt, principal);
        return (principal, null);
    }
}
