using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Oidc;

/// <summary>
/// A small OpenID Connect provider on loopback: discovery, keys, authorize, token. It minds what one must (a registered
/// redirect address, PKCE, the client's secret, each code once), and can be told to sign what none would.
/// </summary>
public sealed class OidcProvider : IAsyncDisposable
{
    public const string ClientId = "lyceum";
    public const string ClientSecret = "what only the system knows & +";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Grant> _grants = new();
    private (string Kid, RSA Key) _key = NewKey();
    private int _keySets;

    private OidcProvider()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Use((http, next) =>
        {
            if (!IsDown)
                return next(http);
            http.Abort();
            return Task.CompletedTask;
        });
        _app.MapGet("/.well-known/openid-configuration", () => new Dictionary<string, object>
        {
            ["issuer"] = Issuer, ["authorization_endpoint"] = $"{Issuer}/authorize", ["token_endpoint"] = $"{Issuer}/token",
            ["jwks_uri"] = $"{Issuer}/keys", ["response_types_supported"] = new[] { "code" }, ["subject_types_supported"] = new[] { "public" },
            ["id_token_signing_alg_values_supported"] = new[] { "RS256" }, ["token_endpoint_auth_methods_supported"] = AuthMethods,
        });
        _app.MapGet("/keys", () =>
        {
            Interlocked.Increment(ref _keySets);
            var numbers = _key.Key.ExportParameters(false);
            return new { keys = new[] { new { kty = "RSA", use = "sig", alg = "RS256", kid = _key.Kid, n = Encode(numbers.Modulus!), e = Encode(numbers.Exponent!) } } };
        });
        _app.MapGet("/authorize", Authorize);
        _app.MapPost("/token", (Delegate)TokenAsync); // as it stands it would be a RequestDelegate, whose result nobody writes
    }

    public string Issuer => _app.Urls.Single();

    /// <summary>Who is sitting before the browser.</summary>
    public Dictionary<string, object> Person { get; set; } = [];

    /// <summary>Bends the payload of the next id tokens.</summary>
    public Action<Dictionary<string, object>> Bend { get; set; } = _ => { };

    /// <summary>How the next id tokens are signed: <c>RS256 | none | HS256 | stranger | tampered</c>.</summary>
    public string Signature { get; set; } = "RS256";

    public string[] AuthMethods { get; set; } = ["client_secret_basic"];

    /// <summary>Every connection is cut.</summary>
    public bool IsDown { get; set; }

    /// <summary>The person says no.</summary>
    public bool Denies { get; set; }

    /// <summary>How often the keys were fetched.</summary>
    public int KeySets => _keySets;

    /// <summary>What the client asked for last.</summary>
    public Dictionary<string, string> Asked { get; private set; } = [];

    private sealed record Grant(string RedirectUri, string Challenge, string? Nonce, Dictionary<string, object> Person);

    public static async Task<OidcProvider> StartAsync()
    {
        var provider = new OidcProvider();
        await provider._app.StartAsync();
        return provider;
    }

    public void Rotate() => _key = NewKey();

    private IResult Authorize(HttpContext http)
    {
        // Several browsers may be asking at once.
        var asked = Asked = http.Request.Query.ToDictionary(entry => entry.Key, entry => entry.Value.ToString());
        if (asked["client_id"] != ClientId || asked["response_type"] != "code" || asked["code_challenge_method"] != "S256"
            || !asked["redirect_uri"].EndsWith("/api/auth/oidc/callback", StringComparison.Ordinal))
            return Results.BadRequest("no such client, or not like this");
        if (Denies)
            return Back(("error", "access_denied"), ("state", asked["state"]));
        var code = Encode(RandomNumberGenerator.GetBytes(16));
        _grants[code] = new(asked["redirect_uri"], asked["code_challenge"], asked.GetValueOrDefault("nonce"), new(Person));
        return Back(("code", code), ("state", asked["state"]), ("iss", Issuer));

        IResult Back(params (string Name, string Value)[] answer) => Results.Redirect(
            QueryHelpers.AddQueryString(asked["redirect_uri"], answer.Select(a => KeyValuePair.Create(a.Name, (string?)a.Value))));
    }

    private async Task<IResult> TokenAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        var basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{WebUtility.UrlEncode(ClientSecret)}"));
        var known = AuthMethods.Contains("client_secret_post") ? form["client_secret"] == ClientSecret : http.Request.Headers.Authorization == basic;
        if (!known)
            return Results.Json(new { error = "invalid_client" }, statusCode: 401);
        if (form["grant_type"] != "authorization_code" || !_grants.TryRemove(form["code"].ToString(), out var grant)
            || form["redirect_uri"] != grant.RedirectUri || Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) != grant.Challenge)
            return Results.Json(new { error = "invalid_grant" }, statusCode: 400);

        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var payload = new Dictionary<string, object>(grant.Person) { ["iss"] = Issuer, ["aud"] = ClientId, ["iat"] = now, ["exp"] = now + 300 };
        if (grant.Nonce is not null)
            payload["nonce"] = grant.Nonce;
        Bend(payload);
        return Results.Json(new { access_token = "nobody looks", token_type = "Bearer", expires_in = 300, id_token = Sign(payload) });
    }

    private string Sign(Dictionary<string, object> payload)
    {
        using var stranger = RSA.Create(2048);
        var alg = Signature is "none" or "HS256" ? Signature : "RS256";
        var signed = $"{Part(new { alg, typ = "JWT", kid = _key.Kid })}.{Part(payload)}";
        var bytes = Encoding.ASCII.GetBytes(signed);
        return $"{signed}." + Signature switch
        {
            "none" => "",
            // As if the public key, which everybody has, were a shared secret.
            "HS256" => Encode(HMACSHA256.HashData(Encoding.ASCII.GetBytes(_key.Key.ExportSubjectPublicKeyInfoPem()), bytes)),
            "stranger" => Encode(stranger.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
            "tampered" => Encode(_key.Key.SignData([.. bytes, 0], HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
            _ => Encode(_key.Key.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
        };

        static string Part(object value) => Encode(JsonSerializer.SerializeToUtf8Bytes(value));
    }

    private static (string Kid, RSA Key) NewKey() => (Guid.NewGuid().ToString("N"), RSA.Create(2048));

    private static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Key.Dispose();
    }
}
