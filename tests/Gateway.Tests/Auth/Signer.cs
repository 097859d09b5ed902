using System.Security.Cryptography;
using System.Text;

namespace Lyceum.Tests.Gateway.Tests.Auth;

/// <summary>Signs as docs/hmac.md tells a client to; nothing of the gateway's own code. Every part can be bent after signing.</summary>
public sealed record Signer(string KeyId, string Secret)
{
    public const string HmacSecret = "a-secret-that-signs-requests-0123456789";

    public SignedParts Sign(string method, string target, string body = "", DateTimeOffset? date = null, string? nonce = null)
    {
        var parts = new SignedParts
        {
            KeyId = KeyId, Method = method, Target = target, Body = body, Nonce = nonce ?? Guid.NewGuid().ToString("N"),
            Date = (date ?? DateTimeOffset.UtcNow).UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'"), Digest = Sha256(body),
        };
        return parts with { Signature = Signature(parts) };
    }

    public string Signature(SignedParts parts) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(
        string.Join('\n', "LYCEUM-HMAC-SHA256", parts.KeyId, parts.Method, parts.Target, parts.Date, parts.Nonce, parts.Digest))));

    public static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}

/// <summary>A signed request as it is sent, as often as one likes.</summary>
public sealed record SignedParts
{
    public required string KeyId { get; init; }
    public required string Method { get; init; }
    public required string Target { get; init; }
    public required string Body { get; init; }
    public required string Nonce { get; init; }
    public required string Date { get; init; }
    public required string Digest { get; init; }
    public string Signature { get; init; } = "";

    public string Authorization => $"HMAC key_id=\"{KeyId}\", nonce=\"{Nonce}\", signature=\"{Signature}\"";

    public HttpRequestMessage Message()
    {
        var message = new HttpRequestMessage(new HttpMethod(Method), Target);
        if (Body.Length > 0)
            message.Content = new StringContent(Body, Encoding.UTF8, "application/json");
        message.Headers.TryAddWithoutValidation("Authorization", Authorization);
        message.Headers.TryAddWithoutValidation("x-sb-date", Date);
        message.Headers.TryAddWithoutValidation("x-content-sha256", Digest);
        return message;
    }

    public async Task<HttpResponseMessage> SendAsync(HttpClient client)
    {
        using var message = Message();
        return await client.SendAsync(message, TestContext.Current.CancellationToken);
    }
}
