using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Authentication;

namespace Lyceum.Gateway.Auth.Credentials;

/// <summary>The name of the gateway's authentication scheme.</summary>
internal static class CallerScheme
{
    public const string Name = "caller";
}

/// <summary>A credential in force.</summary>
/// <param name="Until">Null for a current secret; for one that was replaced, the end of its grace period.</param>
internal sealed record Accepted(Credential Credential, DateTimeOffset? Until)
{
    /// <summary>What authentication answers for it, made once.</summary>
    public Task<AuthenticateResult> Result { get; } = Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(
        new ClaimsPrincipal(new CallerIdentity(Credential.Caller, "credential") { KeyId = Credential.Id }),
            CallerScheme.Name)));

    /// <summary>Why it is rejected at this moment; null: it is not.</summary>
    public string? Rejection(DateTimeOffset now) =>
        Until <= now ? RejectionReason.Replaced : Credential.ExpiresAt <= now ? RejectionReason.Expired : null;
}

/// <summary>All accepted secrets at one moment. Immutable: a request sees one set from beginning to end.</summary>
internal sealed class CredentialSet
{
    /// <summary>Characters of a token; longer ones are not looked up.</summary>
    private const int MaxToken = 1024;

    private readonly FrozenDictionary<UInt128, Accepted> _tokens;
    private readonly FrozenDictionary<string, Accepted[]>.AlternateLookup<ReadOnlySpan<char>> _keysById;
    private readonly List<Accepted> _all;

    private CredentialSet(List<Accepted> all)
    {
        _all = all;
        _tokens = all.Where(one => one.Credential.Kind == CredentialKind.Token).ToFrozenDictionary(one => Key(one.Credential.Secret));
        _keysById = all.Where(one => one.Credential.Kind == CredentialKind.HmacKey).GroupBy(one => one.Credential.Id)
            .ToFrozenDictionary(key => key.Key, key => key.ToArray(), StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public static CredentialSet Empty { get; } = new([]);

    public IEnumerable<Credential> Current => _all.Where(one => one.Until is null).Select(one => one.Credential);

    public int InGrace => _all.Count(one => one.Until is not null);

    /// <summary>
    /// The next set. A secret that is no longer <paramref name="current"/>, of a token or key that still is, is
    /// accepted for <paramref name="grace"/> from now, with the current scopes of its token or key. A grace period that
    /// has begun is never extended.
    /// </summary>
    public CredentialSet Next(IReadOnlyList<Credential> current, TimeSpan grace, DateTimeOffset now)
    {
        var all = current.Select(credential => new Accepted(credential, null)).ToList();
        foreach (var (old, until) in _all)
        {
            var end = until < now + grace ? until.Value : now + grace;
            if (end > now && !current.Any(old.HasSecretOf)
                && current.FirstOrDefault(one => one.Kind == old.Kind && one.Id == old.Id) is { } successor)
                all.Add(new Accepted(successor with { Secret = old.Secret }, end));
        }

        return new CredentialSet(all);
    }

    /// <summary>Null for an unknown secret.</summary>
    public Accepted? FindToken(ReadOnlySpan<char> secret)
    {
        if (secret.Length > MaxToken)
            return null;
        Span<byte> bytes = stackalloc byte[Encoding.UTF8.GetMaxByteCount(secret.Length)];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..Encoding.UTF8.GetBytes(secret, bytes)], hash);
        // The caller cannot choose the hash that the dictionary compares; the secret itself is compared in constant
        // time.
        return _tokens.TryGetValue(Key(hash), out var found) && CryptographicOperations.FixedTimeEquals(found.Credential.Secret, hash) ? found : null;
    }

    /// <summary>The secrets of a key: current ones first.</summary>
    public IReadOnlyList<Accepted> FindKey(ReadOnlySpan<char> id) => _keysById.TryGetValue(id, out var found) ? found : [];

    private static UInt128 Key(ReadOnlySpan<byte> hash) => BinaryPrimitives.ReadUInt128BigEndian(hash);
}
