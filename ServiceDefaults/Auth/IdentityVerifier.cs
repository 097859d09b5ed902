using System.Collections.Frozen;
using System.Security.Claims;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Decides whether a token is an identity. Beyond signature, audience and expiry: the issuer must be the service its
/// key belongs to, a service may only speak as itself, and only the gateway may vouch for users and API tokens; so one
/// service's stolen key cannot impersonate everyone.
/// </summary>
internal sealed class IdentityVerifier(IdentityKeys keys, TimeProvider time)
{
    public const string Scheme = "identity";

    /// <summary>The rejection of a valid token with another audience: a ticket, perhaps.</summary>
    internal const string OtherAudience = "audience";

    internal static readonly TimeSpan Skew = TimeSpan.FromSeconds(5);

    /// <summary>Characters. Longer tokens are not ours, and are rejected before any work.</summary>
    private const int MaxTokenLength = 8 * 1024;

    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false };

    /// <summary>The caller, or why the token is rejected (for the log and the challenge; never secret).</summary>
    public async ValueTask<(ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(string token)
    {
        if (keys.Trusted.Verified.Find(token, time.GetUtcNow()) is { } known)
            return known;

        var (jwt, rejection) = await ValidateAsync(token, IdentityTokens.Audience);
        if (jwt is null || Read(jwt, out rejection) is not { } caller)
            return (null, rejection);

        var principal = CallerIdentity.Principal(caller, Scheme);
        var trusted = keys.Trusted;
        trusted.Verified.Remember(trusted, token, jwt, principal);
        return (principal, null);
    }

    /// <summary>
    /// A token that one of our services signed for <paramref name="audience"/> and that has not expired; its claims are
    /// for the caller to check.
    /// </summary>
    public async ValueTask<(JsonWebToken? Token, string? Rejection)> ValidateAsync(string token, string audience)
    {
        if (token.Length > MaxTokenLength || !Handler.CanReadToken(token))
            return (null, "not a token");
        JsonWebToken jwt;
        try
        {
            jwt = Handler.ReadJsonWebToken(token);
        }
        catch (Exception e) when (e is ArgumentException or SecurityTokenException)
        {
            return (null, "not a token");
        }

        if (!keys.TrustedFor(jwt.Kid ?? "").Keys.TryGetValue(jwt.Kid ?? "", out var key))
            return (null, "unknown key");

        var now = time.GetUtcNow();
        var validated = await Handler.ValidateTokenAsync(jwt, new TokenValidationParameters
        {
            IssuerSigningKey = key,
            TryAllIssuerSigningKeys = false,
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            ValidAudience = audience,
            ValidIssuer = KeyIds.ServiceOf(jwt.Kid),
            LifetimeValidator = (notBefore, expires, _, _) =>
                expires + Skew > now.UtcDateTime && (notBefore is null || notBefore - Skew < now.UtcDateTime),
        });
        return validated.IsValid ? (jwt, null) : (null, Reason(validated.Exception));
    }

    private static Caller? Read(JsonWebToken jwt, out string? rejection)
    {
        rejection = null;
        if (!jwt.TryGetPayloadValue<string>("tenant", out var tenant) || string.IsNullOrEmpty(tenant)
            || !jwt.TryGetPayloadValue<string>("kind", out var kind)
            || !jwt.TryGetPayloadValue<string>("scope", out var scope)
            || string.IsNullOrEmpty(jwt.Subject))
        {
            rejection = "claims missing";
            return null;
        }

        CallerKind? caller = kind switch
        {
            "service" when jwt.Subject == jwt.Issuer => CallerKind.Service,
            "user" when jwt.Issuer == IdentityTokens.GatewayService => CallerKind.User,
            "token" when jwt.Issuer == IdentityTokens.GatewayService => CallerKind.Token,
            _ => null,
        };
        if (caller is null)
        {
            rejection = "issuer may not vouch for this subject";
            return null;
        }

        return new Caller(tenant, jwt.Subject, caller.Value, scope.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToFrozenSet())
        {
            Act = jwt.TryGetPayloadValue<string>("act", out var act) ? act : null,
            Role = RoleClaim.Read(jwt),
            Share = jwt.TryGetPayloadValue<double>("share", out var share) ? share : null,
        };
    }

    private static string Reason(Exception? exception) => exception switch
    {
        SecurityTokenInvalidLifetimeException or SecurityTokenNoExpirationException => "expired",
        SecurityTokenInvalidAudienceException => OtherAudience,
        SecurityTokenInvalidIssuerException => "issuer",
        SecurityTokenInvalidAlgorithmException => "algorithm",
        _ => "signature",
    };
}
