using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Web;

/// <summary>One file of the built UI.</summary>
/// <param name="Path">In the file system.</param>
/// <param name="Digest">Of its contents: the strong part of its entity tag.</param>
/// <param name="IsImmutable">Its name changes with its contents.</param>
/// <param name="Encodings">Compressed forms that lie beside it, the smallest first.</param>
internal sealed record WebFile(
    string Path, string ContentType, string Digest, DateTimeOffset Modified, bool IsImmutable, IReadOnlyList<WebEncoding> Encodings);

/// <param name="Name">As in <c>Accept-Encoding</c>.</param>
/// <param name="Suffix">Of the compressed file's name.</param>
internal sealed record WebEncoding(string Name, string Suffix)
{
    public static readonly IReadOnlyList<WebEncoding> All = [new("br", ".br"), new("gzip", ".gz")];
}

/// <summary>
/// The files of the built UI by the path they are requested at. Only what was found in the folder is served: no request's path
/// ever becomes a path of the file system. A new build is noticed without a restart.
/// </summary>
internal sealed partial class WebFiles
{
    public const string Page = "/index.html";

    private static readonly FileExtensionContentTypeProvider Types = new();

    private readonly string _root;
    private readonly Lock _reading = new();
    private volatile Snapshot _snapshot = Snapshot.None;

    public WebFiles(IOptions<WebOptions> options, IHostEnvironment environment) =>
        _root = FindRoot(options.Value.Root, environment.ContentRootPath);

    /// <summary>By request path, such as <c>/assets/index-1a2b3c4d.js</c>; empty where no UI is built.</summary>
    public FrozenDictionary<string, WebFile> Current
    {
        get
        {
            var build = Build.Of(_root);
            if (_snapshot.Build == build)
                return _snapshot.Files;
            lock (_reading)
            {
                if (_snapshot.Build != build)
                    _snapshot = new Snapshot(build, Read(_root));
                return _snapshot.Files;
            }
        }
    }

    private static string FindRoot(string? configured, string contentRoot)
    {
        if (!string.IsNullOrWhiteSpace(configured))
            return Path.GetFullPath(configured, contentRoot);
        var published = Path.Combine(AppContext.BaseDirectory, "wwwroot");
        return File.Exists(published + Page) ? published : Path.GetFullPath("../Web/dist", contentRoot);
    }

    private static FrozenDictionary<string, WebFile> Read(string root)
    {
        if (!File.Exists(root + Page))
            return FrozenDictionary<string, WebFile>.Empty;
        var names = new HashSet<string>(Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true }),
            StringComparer.Ordinal);
        return names.Where(name => !IsHidden(root, name) && !IsCompressed(name, names))
            .ToFrozenDictionary(name => Address(root, name), name => Describe(root, name, names), StringComparer.Ordinal);
    }

    private static string Address(string root, string name) =>
        "/" + Path.GetRelativePath(root, name).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>The build's own notes, such as <c>.vite/manifest.json</c>.</summary>
    private static bool IsHidden(string root, string name) => Address(root, name).Contains("/.", StringComparison.Ordinal);

    private static bool IsCompressed(string name, HashSet<string> names) => WebEncoding.All.Any(
        encoding => name.EndsWith(encoding.Suffix, StringComparison.Ordinal) && names.Contains(name[..^encoding.Suffix.Length]));

    private static WebFile Describe(string root, string name, HashSet<string> names)
    {
        var type = Types.TryGetContentType(name, out var known) ? known : "application/octet-stream";
        if (type.StartsWith("text/", StringComparison.Ordinal) || type.EndsWith("json", StringComparison.Ordinal))
            type += "; charset=utf-8";
        var modified = new DateTimeOffset(File.GetLastWriteTimeUtc(name));
        return new WebFile(
            name, type, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(name)))[..32],
            modified.AddTicks(-(modified.Ticks % TimeSpan.TicksPerSecond)), Hashed().IsMatch(Address(root, name)),
            [.. WebEncoding.All.Where(encoding => names.Contains(name + encoding.Suffix))]);
    }

    /// <summary>Vite's names: <c>assets/index-1a2B3c4D.js</c>.</summary>
    [GeneratedRegex(@"^/assets/.*[-.][A-Za-z0-9_-]{8}\.[a-z0-9]+$", RegexOptions.NonBacktracking)]
    private static partial Regex Hashed();

    private sealed record Snapshot(Build Build, FrozenDictionary<string, WebFile> Files)
    {
        public static readonly Snapshot None = new(default, FrozenDictionary<string, WebFile>.Empty);
    }

    /// <summary>Changes with the page, and with every file that comes or goes.</summary>
    private readonly record struct Build(DateTime Page, DateTime Root, DateTime Assets)
    {
        public static Build Of(string root) => new(
            File.GetLastWriteTimeUtc(root + WebFiles.Page), Directory.GetLastWriteTimeUtc(root),
            Directory.GetLastWriteTimeUtc(Path.Combine(root, "assets")));
    }
}
