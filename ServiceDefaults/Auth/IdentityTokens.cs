using System.Runtime.CompilerServices;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Mints the identity tokens that services show each other: ES256, 60 s. A token is reused for half of its life, so
/// that a busy caller costs one signature in 30 s and every token shown is good for at least 30 s more.
/// </summary>
public sealed class IdentityTokens
{
    internal const string Audience = "lyceum";
    internal const string GatewayService = "gateway";
    internal static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Reuse = TimeSpan.FromSeconds(30);

    /// <summary>Identities remembered at once; when full, all are forgotten and minted anew.</summary>
    private const int Capacity = 10_000;

    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly IdentityKeys _keys;
    private readonly ServiceInfo _service;
    private readonly TimeProvider _time;
    private readonly ConditionalWeakTable<Caller, Shown> _shown = [];

    private sealed record Shown(SigningKey Key, MintedToken Minted);

    internal IdentityTokens(IdentityKeys keys, ServiceInfo service, TimeProvider time) =>
        (_keys, _service, _time) = (keys, service, time);

    /// <summary>A token for this service on its own account.</summary>
    /// <param name="tenant">The tenant whose things the call is about.</param>
    /// <param name="act">The subject on whose behalf, or null.</param>
    /// <param name="scopes">What the call needs; see <see cref="Scopes"/>.</param>
    public string ForService(string tenant, string? act, params string[] scopes) =>
        ForService(tenant, act, share: null, scopes);

    /// <inheritdoc cref="ForService(string, string?, string[])"/>
    /// <param name="share">The <see cref="Caller.Share"/> of who it is for.</param>
    public string ForService(string tenant, string? act, double? share, params string[] scopes) =>
        MintByParts(new Caller(
            tenant, _service.Service, CallerKind.Service, new SortedSet<string>(scopes, StringComparer.Ordinal))
        {
            Act = act, Share = share,
        }).Token;

    /// <summary>
    /// A token that carries on an authenticated caller. Services accept kinds <c>user</c> and <c>token</c> only from
    /// the gateway, which authenticates them.
    /// </summary>
    public string ForCaller(Caller caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return Mint(caller);
    }

    private string Mint(Caller caller)
    {
        // An API token's caller is the same object at each request: found by reference, without comparing its parts.
        var (signing, time) = (_keys.Signing, _time.GetUtcNow());
        if (_shown.TryGetValue(caller, out var shown) && ReferenceEquals(shown.Key, signing) && time < shown.Minted.ReuseUntil)
            return shown.Minted.Token;
        var minted = MintByParts(caller);
        _shown.AddOrUpdate(caller, new Shown(signing, minted));
        return minted.Token;
    }

    private MintedToken MintByParts(Caller caller)
    {
        var scope = string.Join(' ', caller.Scopes.Order(StringComparer.Ordinal));
        // Lengths make the key unambiguous, whatever the parts contain.
        var identity = $"{caller.Kind}:{caller.Tenant.Length}:{caller.Tenant}{caller.Subject.Length}:{caller.Subject}{scope}:{caller.Share:R}:{caller.Role}:{caller.Act}";

        var key = _keys.Signing;
        var now = _time.GetUtcNow();
        if (key.Minted.TryGetValue(identity, out var minted) && now < minted.ReuseUntil)
            return minted;

        if (key.Minted.Count >= Capacity)
            key.Minted.Clear();
        return key.Minted[identity] = new MintedToken(Sign(key, caller, scope, now), now + Reuse);
    }

    private string Sign(SigningKey key, Caller caller, string scope, DateTimeOffset now)
    {
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            [JwtRegisteredClaimNames.Sub] = caller.Subject,
            ["tenant"] = caller.Tenant,
            ["kind"] = KindName(caller.Kind),
            ["scope"] = scope,
        };
        if (caller.Role is { } role)
            claims[RoleClaim.Name] = RoleClaim.Write(role);
        if (caller.Act is not null)
            claims["act"] = caller.Act;
        if (caller.Share is { } share)
            claims["share"] = share;

        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = _service.Service,
            Audience = Audience,
            IssuedAt = now.UtcDateTime,
            Expires = (now + Lifetime).UtcDateTime,
            Claims = claims,
            SigningCredentials = key.Credentials,
        });
    }

    internal static string KindName(CallerKind kind) => kind switch
    {
        CallerKind.User => "user",
        CallerKind.Token => "token",
        _ => "service",
    };
}

internal sealed record MintedToken(string Token, DateTimeOffset ReuseUntil);
