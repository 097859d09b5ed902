using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Lyceum.Gateway.Web;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Web;

/// <summary>The web UI at <c>/</c>, from a folder that looks like a build.</summary>
public sealed partial class WebTests(WebHost host) : IClassFixture<WebHost>
{
    private static readonly (string Name, string Value) Browser = WebHost.Browser;

    private readonly TestGateway _gateway = host.Gateway;

    private Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) =>
        _gateway.SendAsync(HttpMethod.Get, path, token: null, headers: headers);

    private static Task<string> TextAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    [Theory]
    [InlineData("/")]
    [InlineData("/sign-in")]
    [InlineData("/join/ABC-123")]
    [InlineData("/c/01999999-0000-7000-8000-000000000000?at=3")]
    [InlineData("/teach/classes/7")]
    [InlineData("/plans/")]
    public async Task Page_OpenedInABrowser_IsTheUi(string path)
    {
        using var page = await GetAsync(path, Browser);
        page.StatusCode.ShouldBe(HttpStatusCode.OK);
        page.Content.Headers.ContentType!.ToString().ShouldBe("text/html; charset=utf-8");
        page.Headers.CacheControl!.ToString().ShouldBe("no-cache");
        page.Headers.Vary.ShouldContain("Accept");
        (await TextAsync(page)).ShouldBe(WebHost.Html);

        using var again = await GetAsync(path, Browser, ("If-None-Match", page.Headers.ETag!.ToString()));
        again.StatusCode.ShouldBe(HttpStatusCode.NotModified);
        again.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("script-src 'self';");
        using var byMode = await GetAsync(path, ("Accept", "*/*"), ("Sec-Fetch-Mode", "navigate"));
        (await TextAsync(byMode)).ShouldBe(WebHost.Html);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("*/*")]
    [InlineData("application/json")]
    [InlineData("application/json, text/html;q=0.9")]
    public async Task Root_ForAClientThatReadsJson_DescribesTheApi(string? accept)
    {
        using var landing = await GetAsync("/", accept is null ? [] : [("Accept", accept)]);
        var json = await landing.JsonAsync();
        json.GetProperty("name").GetString().ShouldBe("Lyceum");
        json.GetProperty("routes").GetArrayLength().ShouldBeGreaterThan(10);
        landing.Headers.GetValues("Content-Security-Policy").ShouldBe(["default-src 'none'; frame-ancestors 'none'"]);
    }

    [Theory]
    [InlineData("/nope")]
    [InlineData("/C")]
    [InlineData("/assets/index-00000000.js")]
    [InlineData("/sign-in.php")]
    public async Task UnknownPage_InABrowser_IsTheUis404(string path)
    {
        using var page = await GetAsync(path, Browser, ("If-None-Match", "*"));
        page.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await TextAsync(page)).ShouldBe(WebHost.Html);
        page.Headers.ETag.ShouldBeNull();
        await (await GetAsync(path)).ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");
        await (await GetAsync(path, ("Sec-Fetch-Mode", "no-cors"), ("Accept", "*/*"))).ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");
    }

    [Theory]
    [InlineData("GET", "/api/nope", HttpStatusCode.NotFound, "route_not_found")]
    [InlineData("GET", "/v1/nope", HttpStatusCode.NotFound, "route_not_found")]
    [InlineData("GET", "/chat/nope/nope", HttpStatusCode.NotFound, "route_not_found")]
    [InlineData("GET", "/api/conversations", HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("GET", "/chat", HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("POST", "/", HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("POST", "/sign-in", HttpStatusCode.NotFound, "route_not_found")]
    [InlineData("POST", WebHost.Script, HttpStatusCode.NotFound, "route_not_found")]
    public async Task PathOfTheApi_InABrowser_StaysTheApis(string method, string path, HttpStatusCode status, string code) =>
        await (await _gateway.SendAsync(new HttpMethod(method), path, token: null, headers: Browser)).ShouldBeProblem(status, code);

    [Fact]
    public async Task Asset_IsImmutable_AndCompressedAsTheBrowserTakesIt()
    {
        var tags = new HashSet<string>();
        (string?, string?)[] cases =
            [("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("br;q=0, *", "gzip"), ("*;q=0", null), ("identity", null), (null, null)];
        foreach (var (accepts, encoding) in cases)
        {
            using var response = await GetAsync(WebHost.Script, accepts is null ? [] : [("Accept-Encoding", accepts)]);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            response.Content.Headers.ContentEncoding.ShouldBe(encoding is null ? [] : [encoding]);
            response.Content.Headers.ContentType!.ToString().ShouldBe("text/javascript; charset=utf-8");
            response.Headers.CacheControl!.ToString().ShouldBe("public, max-age=31536000, immutable");
            response.Headers.Vary.ShouldContain("Accept-Encoding");
            response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
            await using var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            await using var plain = encoding switch
            {
                "br" => new BrotliStream(body, CompressionMode.Decompress),
                "gzip" => new GZipStream(body, CompressionMode.Decompress),
                _ => body,
            };
            using var reader = new StreamReader(plain);
            (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).ShouldBe(WebHost.Code);
            tags.Add(response.Headers.ETag!.Tag);
        }
        tags.Count.ShouldBe(3, "each form has a tag of its own");
    }

    [Theory]
    [InlineData("/sw.js", "text/javascript; charset=utf-8")]
    [InlineData("/manifest.webmanifest", "application/manifest+json; charset=utf-8")]
    [InlineData("/icon.svg", "image/svg+xml")]
    [InlineData("/index.html", "text/html; charset=utf-8")]
    public async Task File_OfAFixedName_IsAskedForAgain(string path, string type)
    {
        using var file = await GetAsync(path);
        file.Content.Headers.ContentType!.ToString().ShouldBe(type);
        file.Headers.CacheControl!.ToString().ShouldBe("no-cache");
        using var again = await GetAsync(path, ("If-None-Match", file.Headers.ETag!.ToString()));
        again.StatusCode.ShouldBe(HttpStatusCode.NotModified);
        using var since = await GetAsync(path, ("If-Modified-Since", file.Content.Headers.LastModified!.Value.ToString("R")));
        since.StatusCode.ShouldBe(HttpStatusCode.NotModified);
    }

    [Fact]
    public async Task File_AskedForByHeadOrByPart_IsAnsweredSo()
    {
        using var head = await _gateway.SendAsync(HttpMethod.Head, WebHost.Script, token: null);
        head.StatusCode.ShouldBe(HttpStatusCode.OK);
        head.Content.Headers.ContentLength.ShouldBe(WebHost.Code.Length);
        (await TextAsync(head)).ShouldBeEmpty();

        using var part = await GetAsync(WebHost.Script, ("Range", "bytes=1-3"), ("Accept-Encoding", "br"));
        part.StatusCode.ShouldBe(HttpStatusCode.PartialContent);
        part.Content.Headers.ContentEncoding.ShouldBeEmpty();
        (await TextAsync(part)).ShouldBe(WebHost.Code[1..4]);
        (await GetAsync(WebHost.Script, ("Range", "bytes=999999-"))).StatusCode.ShouldBe(HttpStatusCode.RequestedRangeNotSatisfiable);
    }

    [Theory]
    [InlineData("/../gateway.json")]
    [InlineData("/assets/../../secret")]
    [InlineData("/assets/%2e%2e/%2e%2e/secret")]
    [InlineData("/assets/..%2f..%2fsecret")]
    [InlineData("/assets/..%5c..%5csecret")]
    [InlineData("//etc/passwd")]
    [InlineData("/%00")]
    [InlineData("/.vite/manifest.json")]
    [InlineData("/.vite/manifest.json.br")]
    [InlineData(WebHost.Script + ".br")]
    [InlineData("/assets/")]
    [InlineData("/INDEX.HTML")]
    public async Task Path_OfNoFileOfTheUi_ReachesNone(string path)
    {
        // As it stands: the client would tidy it up.
        using var response = await _gateway.Client.SendAsync(
            new HttpRequestMessage(HttpMethod.Get, new Uri(_gateway.Client.BaseAddress + path[1..], new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })),
            TestContext.Current.CancellationToken);
        ((int)response.StatusCode).ShouldBeOneOf(400, 404);
    }

    [Fact]
    public async Task Policy_LetsThePagesDoWhatTheyNeed_AndNothingElse()
    {
        using var page = await GetAsync("/", Browser);
        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        policy.ShouldStartWith("default-src 'none'; ");
        policy.ShouldNotContain("unsafe");
        policy.ShouldNotContain("http");
        policy.ShouldContain("connect-src 'self';");
        policy.ShouldContain("require-trusted-types-for 'script'");
        page.Headers.GetValues("Permissions-Policy").Single().ShouldStartWith("microphone=(self), camera=(self)");
        page.Headers.GetValues("Cross-Origin-Opener-Policy").ShouldBe(["same-origin"]);
        page.Headers.GetValues("Referrer-Policy").ShouldBe(["same-origin"]);

        await using var withEngine = new WebHost(("Web:ConnectTo:0", "https://engine.example/ws"));
        using var other = await withEngine.Gateway.SendAsync(HttpMethod.Get, "/", token: null, headers: Browser);
        other.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("connect-src 'self' wss://engine.example;");
    }

    [Fact]
    public async Task NewBuild_WhileTheGatewayRuns_IsServed()
    {
        await using var other = new WebHost();
        (await other.Gateway.GetAsync(WebHost.Script)).StatusCode.ShouldBe(HttpStatusCode.OK);
        other.Delete(WebHost.Script);
        other.Write("assets/index-5e6F7g8H.js", "new");
        other.Write("index.html", WebHost.Html.Replace("1a2B3c4D", "5e6F7g8H", StringComparison.Ordinal));
        (await TextAsync(await other.OpenAsync("/"))).ShouldContain("5e6F7g8H");
        (await other.Gateway.GetAsync("/assets/index-5e6F7g8H.js")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await other.Gateway.GetAsync(WebHost.Script)).ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");

        other.Delete("index.html");
        using var root = await other.OpenAsync("/");
        root.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await TextAsync(root)).ShouldContain("npm run build");
        await (await other.OpenAsync("/sign-in")).ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");
        (await (await other.Gateway.GetAsync("/")).JsonAsync()).GetProperty("name").GetString().ShouldBe("Lyceum");
    }

    [Fact]
    public async Task File_WithABadCredential_IsServedAllTheSame()
    {
        using var file = await _gateway.GetAsync(WebHost.Script, token: "nobody's");
        file.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var signedIn = await GetAsync("/", Browser, ("Cookie", "lyceum_session=a.b.c"));
        signedIn.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public void Routes_OfTheUi_AreThoseOfTheGateway()
    {
        var source = Path.Combine(Repository.Root, "Web", "src");
        var known = Directory.EnumerateFiles(source, "routes.ts*", SearchOption.AllDirectories)
            .SelectMany(file => PagePath().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)).ToList();
        known.ShouldNotBeEmpty();
        known.Where(path => !WebPages.Routes.Contains(path)).ShouldBeEmpty("WebPages.Routes lacks these of the UI's pages");
    }

    /// <summary>The first segment of a route's path.</summary>
    [GeneratedRegex(@"path: '/([^/$']*)")]
    private static partial Regex PagePath();
}
