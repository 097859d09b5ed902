using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>
/// What the gateway would tell a service of the development token's owner, or of another tenant's, signed with the
/// gateway's own key: with it a service is asked directly. Holds for an hour.
/// </summary>
internal static class GatewayIdentity
{
    /// <param name="dataFolder">The running system's.</param>
    public static string Token(string dataFolder, string tenant = "dev", string scope = "chat llm")
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Path.Combine(dataFolder, "keys", "gateway.pem")));
        var kid = "gateway-" + Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var signed = Part(new { alg = "ES256", typ = "JWT", kid }) + "." + Part(new
        {
            iss = "gateway", aud = "lyceum", sub = "dev", tenant, kind = "token", scope, iat = now, exp = now + 3600,
        });
        return signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256));

        static string Part(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
    }
}
