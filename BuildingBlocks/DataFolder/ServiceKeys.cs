using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Lyceum.DataFolder;

/// <summary>
/// <c>DIR/keys/</c>: each service's ES256 private key (<c>chat-api.pem</c>, PKCS#8, shared by its replicas) and
/// <c>internal-jwks.json</c> with the public halves of all of them, given to every service. Nobody fetches keys, so
/// nothing waits for anybody.
/// </summary>
public static class ServiceKeys
{
    public const string JwksFile = "internal-jwks.json";

    /// <summary>Makes the keys that are missing and rewrites the JWKS when it no longer says the same.</summary>
    public static void Ensure(string folder, IEnumerable<string> services)
    {
        ArgumentNullException.ThrowIfNull(services);
        AtomicFile.CreateFolder(folder);
        foreach (var path in services.Select(service => Path.Combine(folder, $"{service}.pem")))
        {
            if (File.Exists(path))
                continue;
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            AtomicFile.Write(path, key.ExportPkcs8PrivateKeyPem());
        }

        // From the files rather than the list: a key an operator adds or replaces is published at the next start.
        var keys = Directory.GetFiles(folder, "*.pem").Order(StringComparer.Ordinal).Select(PublicKey).ToArray();
        var jwks = JsonSerializer.Serialize(new { keys });
        var jwksPath = Path.Combine(folder, JwksFile);
        if (!File.Exists(jwksPath) || File.ReadAllText(jwksPath) != jwks)
            AtomicFile.Write(jwksPath, jwks);
    }

    private static Dictionary<string, string> PublicKey(string pemPath)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(pemPath));
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        return new(StringComparer.Ordinal)
        {
            ["kty"] = "EC",
            ["crv"] = "P-256",
            ["x"] = Base64Url.EncodeToString(point.X),
            ["y"] = Base64Url.EncodeToString(point.Y),
            ["use"] = "sig",
            ["alg"] = "ES256",
            // Names the service and changes with the key, so that old and new can stand beside each other.
            ["kid"] = $"{Path.GetFileNameWithoutExtension(pemPath)}-{fingerprint[..16]}",
        };
    }
}
