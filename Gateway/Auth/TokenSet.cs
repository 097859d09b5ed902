using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Auth;

/// <summary>An accepted secret, by its hash: the secret itself is nowhere in memory for longer than a load.</summary>
internal sealed record AcceptedToken(string Id, byte[] Hash, Caller Caller, DateTimeOffset? ExpiresAt)
{
    public ClaimsPrincipal Principal { get; } = CallerIdentity.Principal(Caller, ApiTokens.Scheme);
}

/// <summary>All accepted secrets at one moment. Immutable: a request sees one set from beginning to end.</summary>
internal sealed class TokenSet
{
    private readonly FrozenDictionary<UInt128, AcceptedToken> _byHash;

    /// <param name="tokens">With distinct hashes.</param>
    public TokenSet(IReadOnlyCollection<AcceptedToken> tokens)
    {
        _byHash = tokens.ToFrozenDictionary(token => Key(token.Hash));
        Fingerprint = string.Join('\n', tokens.Select(
            token => $"{token.Id} {Convert.ToHexString(token.Hash)} {token.Caller.Tenant} {token.Caller.Subject} " +
                $"{string.Join(',', token.Caller.Scopes.Order(StringComparer.Ordinal))} {token.ExpiresAt:O}"));
    }

    public int Count => _byHash.Count;

    /// <summary>Equal for sets that accept the same tokens for the same callers.</summary>
    public string Fingerprint { get; }

    public (ClaimsPrincipal? Principal, string? Refusal) Find(string secret, DateTimeOffset now)
    {
        var hash = Hash(secret);
        // The dictionary narrows by a hash the caller cannot steer; equality is decided in constant time.
        if (!_byHash.TryGetValue(Key(hash), out var token) || !CryptographicOperations.FixedTimeEquals(token.Hash, hash))
            return (null, "unknown token");
        return token.ExpiresAt <= now ? (null, "expired") : (token.Principal, null);
    }

    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static UInt128 Key(byte[] hash) => BinaryPrimitives.ReadUInt128BigEndian(hash);
}
