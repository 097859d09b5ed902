using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Lyceum.Gateway.Auth.Credentials;
using Lyceum.Gateway.Auth.Rejections;
using Microsoft.AspNetCore.Http.Features;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>
/// A request whose signature is valid; its body and nonce are verified later (<see cref="SignedBodies"/>).
/// </summary>
/// <param name="Accepted">The key, and the caller it stands for.</param>
/// <param name="NonceId">Key id and nonce, hashed.</param>
/// <param name="ContentSha256">What the body must hash to.</param>
internal sealed record SignedRequest(Accepted Accepted, Guid NonceId, byte[] ContentSha256)
{
    public const string DateHeader = "x-sb-date";
    public const string ContentHeader = "x-content-sha256";
    public const string DateFormat = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>How far the date may be off, either way.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(300);

    private const int OnStack = 1024;

    // Compared with for an unknown key, which so takes as long as a wrong signature.
    private static readonly byte[] NoSecret = RandomNumberGenerator.GetBytes(32);

    /// <summary>
    /// Verifies all but body and nonce. The signature is verified before anything that is expensive or stored, so that
    /// strangers can neither fill memory nor use up a caller's nonce.
    /// </summary>
    /// <returns>
    /// The request, or why it is rejected (<see cref="RejectionReason"/>), and the key's id where it is one of ours.
    /// </returns>
    public static (SignedRequest? Request, string? Rejection, string? KeyId) Verify(
        HttpRequest request, ReadOnlySpan<char> authorization, CredentialSet credentials, DateTimeOffset now)
    {
        if (!SignatureHeader.TryParse(authorization, out var header)
            || request.Headers[DateHeader] is not [{ } dateText] || !TryParseDate(dateText, out var date)
            || request.Headers[ContentHeader] is not [{ } digest] || !SignatureHeader.IsLowerHex(digest))
            return (null, RejectionReason.Malformed, null);
        if ((now - date).Duration() > Window)
            return (null, RejectionReason.Date, null);

        var target = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var canonical = new CanonicalString(header.KeyId, request.Method, target, dateText, header.Nonce, digest);
        var rented = canonical.MaxLength > OnStack ? ArrayPool<byte>.Shared.Rent(canonical.MaxLength) : null;
        var bytes = rented ?? stackalloc byte[OnStack];
        bytes = bytes[..canonical.Write(bytes)];
        Span<byte> signature = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Convert.FromHexString(header.Signature, signature, out _, out _);

        var keys = credentials.FindKey(header.KeyId);
        Accepted? accepted = null;
        if (keys.Count == 0)
            IsSigned(NoSecret, bytes, signature);
        foreach (var key in keys)
        {
            if (IsSigned(key.Credential.Secret, bytes, signature))
                accepted ??= key;
        }
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);

        var keyId = keys.Count > 0 ? keys[0].Credential.Id : null;
        if (accepted is null)
            return (null, RejectionReason.Signature, keyId);
        return accepted.Rejection(now) is { } rejection
            ? (null, rejection, keyId)
            : (new(accepted, Hash(header.KeyId, header.Nonce), Convert.FromHexString(digest)), null, keyId);
    }

    /// <summary>ISO 8601 basic, UTC, whole seconds, exactly: <c>20301231T235959Z</c>.</summary>
    public static bool TryParseDate(string text, out DateTimeOffset date) =>
        DateTimeOffset.TryParseExact(
            text, DateFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out date);

    private static bool IsSigned(byte[] secret, ReadOnlySpan<byte> canonical, ReadOnlySpan<byte> signature)
    {
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, canonical, expected);
        return CryptographicOperations.FixedTimeEquals(expected, signature);
    }

    private static Guid Hash(ReadOnlySpan<char> keyId, ReadOnlySpan<char> nonce)
    {
        // Both are ASCII by now.
        Span<byte> bytes = stackalloc byte[SignatureHeader.MaxKeyId + 1 + SignatureHeader.MaxNonce];
        var length = Encoding.ASCII.GetBytes(keyId, bytes);
        bytes[length++] = (byte)'\n';
        length += Encoding.ASCII.GetBytes(nonce, bytes[length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..length], hash);
        return new Guid(hash[..16], bigEndian: true);
    }
}
