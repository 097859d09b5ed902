using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// The keys of identity: this service's private one and the public ones of all services. Files are watched, so
/// that keys rotate without a restart; whatever was derived from a key (cached tokens) lives and dies with its
/// snapshot.
/// </summary>
internal sealed class IdentityKeys : IDisposable
{
    // Null: the value itself was given, and stays.
    private readonly WatchedFile<SigningKey>? _signing;
    private readonly WatchedFile<TrustedKeys>? _trusted;
    private readonly SigningKey? _givenSigning;
    private readonly TrustedKeys? _givenTrusted;

    public IdentityKeys(
        IOptions<IdentityOptions> options, ServiceInfo service, TimeProvider time, ILogger<IdentityKeys> logger)
    {
        var identity = options.Value;
        if (identity.Key.Length > 0)
            _givenSigning = SigningKey.Parse(service.Service, Encoding.UTF8.GetBytes(identity.Key));
        else
            _signing = new(identity.KeyFile, pem => SigningKey.Parse(service.Service, pem), time, logger);
        if (identity.Jwks.Length > 0)
            _givenTrusted = TrustedKeys.Parse(Encoding.UTF8.GetBytes(identity.Jwks));
        else
            _trusted = new(identity.JwksFile, TrustedKeys.Parse, time, logger);
    }

    public SigningKey Signing => _givenSigning ?? _signing!.Current;

    public TrustedKeys Trusted => _givenTrusted ?? _trusted!.Current;

    /// <summary>The keys that know <paramref name="kid"/>, if the file by now has it: a rotation may be a moment old.</summary>
    public TrustedKeys TrustedFor(string kid)
    {
        if (!Trusted.Keys.ContainsKey(kid))
            _trusted?.Refresh();
        return Trusted;
    }

    public void Dispose()
    {
        _signing?.Dispose();
        _trusted?.Dispose();
    }
}

/// <summary>One private key, and the tokens it signed that are still fresh.</summary>
internal sealed class SigningKey(JsonWebKey key)
{
    public SigningCredentials Credentials { get; } = new(key, SecurityAlgorithms.EcdsaSha256);

    public ConcurrentDictionary<string, MintedToken> Minted { get; } = new(StringComparer.Ordinal);

    public static SigningKey Parse(string service, byte[] pem)
    {
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportFromPem(Encoding.UTF8.GetString(pem));
        var numbers = ecdsa.ExportParameters(includePrivateParameters: true);
        if (numbers.Q.X?.Length != 32)
            throw new InvalidDataException("the private key is not one of P-256");
        // As numbers, of which each signature provider makes its own native key: those are not safe to share.
        return new SigningKey(new JsonWebKey
        {
            Kty = JsonWebAlgorithmsKeyTypes.EllipticCurve, Crv = JsonWebKeyECTypes.P256, KeyId = KeyIds.Of(service, ecdsa),
            X = Base64UrlEncoder.Encode(numbers.Q.X), Y = Base64UrlEncoder.Encode(numbers.Q.Y),
            D = Base64UrlEncoder.Encode(numbers.D),
        });
    }
}

/// <summary>The services' public keys by <c>kid</c>, and the callers whose tokens they already verified.</summary>
internal sealed class TrustedKeys(FrozenDictionary<string, JsonWebKey> keys)
{
    public FrozenDictionary<string, JsonWebKey> Keys { get; } = keys;

    /// <summary>Identities. Apart from users' tokens: what is one is never the other.</summary>
    public VerifiedTokens Verified { get; } = new();

    public VerifiedTokens VerifiedUsers { get; } = new();

    public static TrustedKeys Parse(byte[] json)
    {
        var keys = new JsonWebKeySet(Encoding.UTF8.GetString(json)).Keys;
        if (keys.Count == 0)
            throw new InvalidDataException("the key set is empty");
        if (keys.FirstOrDefault(key => key.Kty != "EC" || key.Crv != "P-256" || KeyIds.ServiceOf(key.Kid) is null) is { } bad)
            throw new InvalidDataException($"key '{bad.Kid}' is not a P-256 key named after its service");
        return new TrustedKeys(keys.ToFrozenDictionary(key => key.Kid, StringComparer.Ordinal));
    }
}

/// <summary>A key's id says whose it is: <c>{service}-{first 16 hex digits of SHA-256 of its SubjectPublicKeyInfo}</c>.</summary>
internal static class KeyIds
{
    private const int HashDigits = 16;

    public static string Of(string service, ECDsa key) =>
        $"{service}-{Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..HashDigits]}";

    /// <summary>The service a kid names, or null when it is not of that form.</summary>
    public static string? ServiceOf(string? kid) =>
        kid?.Length > HashDigits + 1 && kid[^(HashDigits + 1)] == '-' && !kid.AsSpan(kid.Length - HashDigits).ContainsAnyExcept(HexDigits)
            ? kid[..^(HashDigits + 1)]
            : null;

    private static readonly System.Buffers.SearchValues<char> HexDigits = System.Buffers.SearchValues.Create("0123456789abcdef");
}
