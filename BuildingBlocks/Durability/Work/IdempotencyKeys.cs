using System.Security.Cryptography;
using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Durability.Work;

/// <summary>
/// The header <c>Idempotency-Key</c>: requests of one caller with the same key and the same content are one piece of
/// work. The
/// key is stored with the work and a fingerprint of the content.
/// </summary>
public static class IdempotencyKeys
{
    private const int MaxLength = 200;

    /// <summary>The request's key; null: every such request is new work.</summary>
    /// <exception cref="ProblemException">400 <c>invalid_request</c>.</exception>
    public static string? Of(HttpRequest request)
    {
        var key = request.Headers["Idempotency-Key"].FirstOrDefault();
        if (key is not null && (key.Length is 0 or > MaxLength || key.Any(char.IsControl)))
            throw new ProblemException(400, ErrorCodes.InvalidRequest,
                $"Idempotency-Key must have 1 to {MaxLength} characters.");
        return key;
    }

    public static byte[] Fingerprint(string content) => SHA256.HashData(Encoding.UTF8.GetBytes(content));

    /// <param name="stored">The fingerprint of the work that was found under the key.</param>
    /// <param name="detail">What the client is told.</param>
    /// <exception cref="ProblemException">422 <c>idempotency_key_reused</c>: the contents differ.</exception>
    public static void RequireSame(byte[]? stored, byte[] asked, string detail)
    {
        if (stored is null || !stored.AsSpan().SequenceEqual(asked))
            throw new ProblemException(422, ErrorCodes.IdempotencyKeyReused, detail);
    }
}
