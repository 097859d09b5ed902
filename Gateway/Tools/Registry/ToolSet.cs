using System.Collections.Frozen;
using System.Text.Json;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Kinds.Builtin;
using Lyceum.Gateway.Tools.Manifests;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>A tool in force: its manifest, and how many of its calls are running.</summary>
internal sealed class Tool(ToolManifest manifest)
{
    private int _running;

    public ToolManifest Manifest { get; } = manifest;

    /// <returns>
    /// False: as many calls as the manifest allows are running. After true, <see cref="Leave"/> must be called.
    /// </returns>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _running) <= Manifest.MaxConcurrency)
            return true;
        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _running);
}

/// <summary>All tools of one version. Immutable but for the counts of running calls.</summary>
internal sealed class ToolSet
{
    /// <summary>The version that every tenant begins with, and can go back to.</summary>
    public const string Builtin = "builtin";

    private readonly FrozenDictionary<string, Tool> _tools;

    private ToolSet(string version, IReadOnlyList<ToolManifest> manifests)
    {
        (Version, Manifests, Digest) = (version, manifests, DigestOf(manifests));
        _tools = manifests.ToFrozenDictionary(manifest => manifest.Name, manifest => new Tool(manifest));
    }

    public string Version { get; }
    public string Digest { get; }

    /// <summary>In the order of registration.</summary>
    public IReadOnlyList<ToolManifest> Manifests { get; }

    public Tool? Find(string name) => _tools.GetValueOrDefault(name);

    public static ToolSet OfBuiltins(ManifestReader reader) => Load(reader, Builtin, BuiltinTools.Manifests)!;

    /// <param name="manifests">As they are stored.</param>
    /// <returns>Null: another release registered them, and this one cannot read them all.</returns>
    public static ToolSet? Load(ManifestReader reader, string version, string manifests)
    {
        var (read, errors) = reader.Read(JsonDocument.Parse(manifests).RootElement, "");
        return errors.Count == 0 ? new ToolSet(version, read) : null;
    }

    public static string CanonicalOf(IEnumerable<ToolManifest> manifests) =>
        $"[{string.Join(',', manifests.Select(manifest => manifest.Canonical))}]";

    public static string DigestOf(IEnumerable<ToolManifest> manifests) => CanonicalJson.Digest(CanonicalOf(manifests));
}
