using System.IO.Compression;
using System.Text;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Web;

/// <summary>A gateway with a folder that looks like a build of the web UI.</summary>
public sealed class WebHost : IAsyncDisposable
{
    public const string Html = "<!doctype html><title>Lyceum</title><script type=\"module\" src=\"/assets/index-1a2B3c4D.js\"></script>";
    public const string Script = "/assets/index-1a2B3c4D.js";

    public static readonly string Code = string.Concat(Enumerable.Repeat("console.log('text')\n", 100));
    public static readonly (string Name, string Value) Browser =
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8");

    private readonly IdentityFolder _identity = new("gateway");
    private readonly DirectoryInfo _dist = Directory.CreateTempSubdirectory("lyceum-web-");

    public WebHost()
        : this([])
    {
    }

    internal WebHost(params (string Key, string Value)[] settings)
    {
        Write("index.html", Html);
        Write("icon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        Write("manifest.webmanifest", "{}");
        Write("sw.js", "self.skipWaiting");
        Write(Script, Code);
        Write(".vite/manifest.json", "{}");
        Gateway = TestGateway.Start(_identity,
            new(settings.Select(one => KeyValuePair.Create<string, string?>(one.Key, one.Value))) { ["Web:Root"] = _dist.FullName });
    }

    public TestGateway Gateway { get; }

    /// <summary>As a browser opens a page.</summary>
    public Task<HttpResponseMessage> OpenAsync(string path) => Gateway.SendAsync(HttpMethod.Get, path, token: null, headers: Browser);

    /// <summary>With its compressed forms, as the build writes them.</summary>
    public void Write(string name, string text)
    {
        var path = Path.Combine(_dist.FullName, name.TrimStart('/'));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        using var gzip = new GZipStream(File.Create(path + ".gz"), CompressionLevel.SmallestSize);
        gzip.Write(Encoding.UTF8.GetBytes(text));
        using var brotli = new BrotliStream(File.Create(path + ".br"), CompressionLevel.SmallestSize);
        brotli.Write(Encoding.UTF8.GetBytes(text));
    }

    public void Delete(string name) => File.Delete(Path.Combine(_dist.FullName, name.TrimStart('/')));

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        _identity.Dispose();
        _dist.Delete(recursive: true);
    }
}
