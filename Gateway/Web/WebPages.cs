using System.Collections.Frozen;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Lyceum.Gateway.Web;

/// <summary>
/// Serves the built UI on the API's own origin. Routes of the API come first: a request becomes the UI's only where no
/// route matches it, and <c>/</c> where it is a browser's. The UI's pages are one document, which shows what its path
/// says.
/// </summary>
internal sealed class WebPages(WebFiles files, IOptions<WebOptions> options, EndpointDataSource endpoints)
{
    private const string NotBuilt =
        "Lyceum runs without its web UI, which is not built: ./run.sh builds it where Node.js 20.19 or newer is, as do npm ci and " +
        "npm run build in Web/. The API is described at /docs.\n";

    private const string Year = "public, max-age=31536000, immutable";

    /// <summary>Beginnings of the UI's paths (Web/src/*/routes.ts); any other page is its 404.</summary>
    public static readonly FrozenSet<string> Routes = FrozenSet.Create(StringComparer.Ordinal,
        "", "sign-in", "register", "join", "today", "c", "live", "plans", "practice", "teach", "operate", "settings");

    private static readonly RouteEndpoint Endpoint = new(
        http => http.Features.Get<Answer>()!.WriteAsync(http), RoutePatternFactory.Parse("/{**page}"), order: 0,
        new EndpointMetadataCollection(new AllowAnonymousAttribute()), "Web UI");

    private readonly string _policy = WebPolicy.ContentSecurity(options.Value.ConnectTo);

    // Made with the first page that is not the UI's own; the routes are the same for as long as the gateway runs.
    private readonly Lazy<FrozenSet<string>> _api = new(() => endpoints.Endpoints.OfType<RouteEndpoint>()
        .Select(endpoint => endpoint.RoutePattern.PathSegments is [var first, ..] ? first.Parts[0] : null)
        .OfType<RoutePatternLiteralPart>().Select(part => part.Content).ToFrozenSet(StringComparer.OrdinalIgnoreCase));

    /// <summary>The policy of a page or file of the UI; null: the response is none.</summary>
    public static string? ContentSecurityPolicy(HttpContext http) => http.Features.Get<Answer>()?.Policy;

    /// <summary>After routing and before all that looks at the endpoint.</summary>
    public void Choose(HttpContext http)
    {
        // HEAD is GET until here.
        var path = http.Request.Path.Value ?? "";
        if (HttpMethods.IsGet(http.Request.Method) && (http.GetEndpoint() is null || path == "/") && Find(http.Request, path) is { } answer)
        {
            http.Features.Set(answer);
            http.SetEndpoint(Endpoint);
        }
    }

    private Answer? Find(HttpRequest request, string path)
    {
        var current = files.Current;
        if (current.TryGetValue(path, out var file))
            return new Answer(file, StatusCodes.Status200OK, _policy);
        var first = path.Split('/', 3) is [_, var segment, ..] ? segment : "";
        if (!IsNavigation(request) || (first.Length > 0 && _api.Value.Contains(first)))
            return null;
        if (current.TryGetValue(WebFiles.Page, out var page))
            return new Answer(page, Routes.Contains(first) ? StatusCodes.Status200OK : StatusCodes.Status404NotFound, _policy);
        return path == "/" ? new Answer(null, StatusCodes.Status200OK, _policy) : null;
    }

    /// <summary>A page is opened: a browser says so itself, others by what they accept.</summary>
    private static bool IsNavigation(HttpRequest request) => request.Headers["Sec-Fetch-Mode"] == "navigate"
        || AcceptHeader.Preferred(request, "application/json", "text/html") == "text/html";

    /// <param name="File">Null: there is no UI.</param>
    private sealed record Answer(WebFile? File, int Status, string Policy)
    {
        public Task WriteAsync(HttpContext http)
        {
            var headers = http.Response.Headers;
            headers.Vary = "Accept, Accept-Encoding, Sec-Fetch-Mode";
            headers.CacheControl = File is { IsImmutable: true } ? Year : "no-cache";
            headers["Permissions-Policy"] = WebPolicy.Permissions;
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers["Cross-Origin-Resource-Policy"] = "same-origin";
            if (File is null)
                return TypedResults.Text(NotBuilt).ExecuteAsync(http);
            // A part is one of the file as it is.
            var encoding = http.Request.Headers.Range.Count == 0 ? Encoding(http.Request, File) : null;
            if (encoding is not null)
                headers.ContentEncoding = encoding.Name;
            http.Response.StatusCode = Status;
            // A page that is not there is sent whole, whatever the browser has of it: 304 would hide that it is not there.
            var tag = Status == StatusCodes.Status200OK ? new EntityTagHeaderValue($"\"{File.Digest}{encoding?.Suffix}\"") : null;
            return TypedResults.PhysicalFile(
                File.Path + encoding?.Suffix, File.ContentType, lastModified: tag is null ? null : File.Modified, entityTag: tag,
                enableRangeProcessing: tag is not null).ExecuteAsync(http);
        }

        private static WebEncoding? Encoding(HttpRequest request, WebFile file) =>
            StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var accepted)
                ? file.Encodings.FirstOrDefault(encoding => Accepts(accepted, encoding.Name)) : null;

        private static bool Accepts(IList<StringWithQualityHeaderValue> accepted, string encoding) =>
            (Named(accepted, encoding) ?? Named(accepted, "*")) is { Quality: null or > 0 };

        private static StringWithQualityHeaderValue? Named(IList<StringWithQualityHeaderValue> accepted, string encoding) =>
            accepted.FirstOrDefault(one => one.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase));
    }
}
