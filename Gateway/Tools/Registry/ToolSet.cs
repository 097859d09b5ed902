using System.Collections.Frozen;
using System.Text.Json;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Json;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>A tool in force: its manifest, and its own share of this process.</summary>
internal sealed class Tool(ToolManifest manifest)
{
    private int _running;

    public ToolManifest Manifest { get; } = manifest;

    /// <returns>False: as many calls as its manifest allows are running; every true needs a <see cref="Leave"/>.</returns>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _running) <= Manifest.MaxConcurrency)
            return true;
        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _running);
}

/// <summary>All tools of one version, ready to be called. Immutable but for who is running.</summary>
internal sealed class ToolSet
{
    /// <summary>The version that every tenant begins with, and can go back to.</summary>
    public const string Builtin = "builtin";

    private static readonly JsonDocument BuiltinManifests = JsonDocument.Parse(BuiltinTools.Manifests);

    private readonly FrozenDictionary<string, Tool> _tools;

    private ToolSet(string version, IReadOnlyList<ToolManifest> manifests)
    {
        (Version, Manifests, Digest) = (version, manifests, DigestOf(manifests));
        _tools = manifests.ToFrozenDictionary(manifest => manifest.Name, manifest => new Tool(manifest));
    }

    public string Version { get; }
    public string Digest { get; }

    /// <summary>In the order they were registered in.</summary>
    public IReadOnlyList<ToolManifest> Manifests { get; }

    public Tool? Find(string name) => _tools.GetValueOrDefault(name);

    public static ToolSet OfBuiltins() => new(Builtin, ManifestReader.Read(BuiltinManifests.RootElement, "").Manifests);

    /// <param name="manifests">As they are stored.</param>
    /// <returns>Null: this release does not understand them all; they were registered by another.</returns>
    public static ToolSet? Load(string version, string manifests)
    {
        var (read, faults) = ManifestReader.Read(JsonDocument.Parse(manifests).RootElement, "");
        return faults.Count == 0 ? new ToolSet(version, read) : null;
    }

    public static string CanonicalOf(IEnumerable<ToolManifest> manifests) => $"[{string.Join(',', manifests.Select(manifest => manifest.Canonical))}]";

    public static string DigestOf(IEnumerable<ToolManifest> manifests) => CanonicalJson.Digest(CanonicalOf(manifests));
}
