using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.Tests.Support.Services;

/// <summary>
/// Identity files as AppHost lays them out, in a temporary folder: <c>{service}.pem</c> and <c>internal-jwks.json</c>.
/// Also signs tokens no honest service would.
/// </summary>
public sealed class IdentityFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-identity-");
    private readonly Dictionary<string, ECDsa> _keys = [];

    public IdentityFolder(params string[] services)
    {
        foreach (var service in services)
            Rotate(service, publish: false);
        WriteJwks();
    }

    public string KeyFile(string service) => Path.Combine(_folder.FullName, $"{service}.pem");

    public string JwksFile => Path.Combine(_folder.FullName, "internal-jwks.json");

    /// <summary>The configuration with which <paramref name="service"/> finds its files.</summary>
    public Dictionary<string, string?> Settings(string service) => new()
    {
        ["Service:Name"] = service,
        ["Identity:KeyFile"] = KeyFile(service),
        ["Identity:JwksFile"] = JwksFile,
    };

    /// <summary>Gives the service a new key and forgets the old one.</summary>
    public void Rotate(string service, bool publish = true)
    {
        _keys[service] = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (publish)
            WriteJwks();
        // Written beside and moved over: readers see the old file or the new one.
        File.WriteAllText(KeyFile(service) + ".new", _keys[service].ExportPkcs8PrivateKeyPem());
        File.Move(KeyFile(service) + ".new", KeyFile(service), overwrite: true);
    }

    public static string Kid(string service, ECDsa key) =>
        $"{service}-{Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16]}";

    /// <summary>A token signed by <paramref name="signer"/>; every part can be bent.</summary>
    public string Token(
        string signer = "gateway", string? iss = null, string aud = "lyceum", string sub = "ada", string? tenant = "dev",
        string kind = "token", string scope = "chat", string? act = null, TimeSpan? expiresIn = null, string? kid = null,
        ECDsa? key = null, double? share = null, string? role = null)
    {
        key ??= _keys[signer];
        var claims = new Dictionary<string, object> { ["sub"] = sub, ["kind"] = kind, ["scope"] = scope };
        if (tenant is not null)
            claims["tenant"] = tenant;
        if (act is not null)
            claims["act"] = act;
        if (share is not null)
            claims["share"] = share;
        if (role is not null)
            claims["role"] = role;
        var now = DateTime.UtcNow;
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = iss ?? signer,
            Audience = aud,
            IssuedAt = now,
            Expires = now + (expiresIn ?? TimeSpan.FromSeconds(60)),
            Claims = claims,
            SigningCredentials = new SigningCredentials(
                new ECDsaSecurityKey(key) { KeyId = kid ?? Kid(signer, key) }, SecurityAlgorithms.EcdsaSha256),
        });
    }

    public void WriteJwks()
    {
        var keys = _keys.Select(entry =>
        {
            var point = entry.Value.ExportParameters(false).Q;
            return new
            {
                kty = "EC", crv = "P-256", use = "sig", alg = "ES256", kid = Kid(entry.Key, entry.Value),
                x = Base64UrlEncoder.Encode(point.X), y = Base64UrlEncoder.Encode(point.Y),
            };
        });
        File.WriteAllText(JwksFile, JsonSerializer.Serialize(new { keys }));
    }

    public void Dispose()
    {
        foreach (var key in _keys.Values)
            key.Dispose();
        _folder.Delete(recursive: true);
    }
}
