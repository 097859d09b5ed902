using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;
using Scalar.AspNetCore;

namespace Lyceum.Gateway.Docs;

/// <summary>
/// The description of the whole public API: <c>/openapi/v1.json</c> for programs, <c>/docs</c> for people. It is
/// docs/openapi.json as it was when this was built, which a test keeps equal to what the services say; no service is
/// asked at run time.
/// </summary>
internal static class ApiDocs
{
    private const string Document = "/openapi/v1.json";
    private const string Page = "/docs";

    private static readonly byte[] Json = Read();
    private static readonly EntityTagHeaderValue Tag =
        new($"\"{Convert.ToHexStringLower(SHA256.HashData(Json))[..32]}\"");

    public static void MapApiDocs(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Document, Describe).AllowAnonymous().WithTags("operation").Produces<object>();
        routes.MapScalarApiReference(Page, options => options
            .WithTitle("Lyceum API")
            .AddDocument("v1", "Lyceum", Document)
            .DisableDefaultFonts() // they would be loaded from another server
            .DisableTelemetry()
            .DisableAgent()
            .HideDeveloperTools() // they lead to another server's services
            .WithNonce()).AllowAnonymous();
    }

    /// <summary>
    /// The page's own policy: it runs what the gateway serves and the script that its nonce names, and speaks to this
    /// server alone. Null where the response is not that page.
    /// </summary>
    public static string? ContentSecurityPolicy(HttpContext http) =>
        http.Items.TryGetValue(ScalarOptions.NonceHttpContextItemKey, out var nonce)
            ? $"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; " +
              "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; " +
              "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
            : null;

    /// <summary>This document.</summary>
    private static FileContentHttpResult Describe() => TypedResults.Bytes(Json, "application/json", entityTag: Tag);

    private static byte[] Read()
    {
        using var resource = typeof(ApiDocs).Assembly.GetManifestResourceStream("openapi.json")!;
        var json = new byte[resource.Length];
        resource.ReadExactly(json);
        return json;
    }
}
