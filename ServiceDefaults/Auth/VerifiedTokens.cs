using System.Collections.Concurrent;
using System.Security.Claims;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Tokens of one audience whose signatures were verified, by their whole text. It belongs to a snapshot of the keys and
/// goes with it. Written and read by requests at once.
/// </summary>
internal sealed class VerifiedTokens
{
    /// <summary>Remembered at once; when full, all are forgotten and verified anew.</summary>
    private const int Capacity = 4096;

    private readonly ConcurrentDictionary<string, (ClaimsPrincipal Principal, DateTimeOffset Expires)> _tokens = new(StringComparer.Ordinal);

    /// <summary>Null for one that was not seen before.</summary>
    public (ClaimsPrincipal? Principal, string? Rejection)? Find(string token, DateTimeOffset now) =>
        _tokens.TryGetValue(token, out var known)
            ? now < known.Expires + IdentityVerifier.Skew ? (known.Principal, null) : (null, "expired")
            : null;

    public void Remember(TrustedKeys owner, string token, JsonWebToken jwt, ClaimsPrincipal principal)
    {
        if (_tokens.Count >= Capacity)
            _tokens.Clear();
        // Only among keys that know it: a rotation in this very moment must not let it outlive its key.
        if (owner.Keys.ContainsKey(jwt.Kid))
            _tokens[token] = (principal, new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero));
    }
}
