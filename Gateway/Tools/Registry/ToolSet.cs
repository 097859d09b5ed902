using System.Collections.Frozen;
using System.Text.Json;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Kinds.Builtin;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>A tool in force: its manifest, and how many of its calls are running.</summary>
internal sealed class Tool(ToolManifest manifest, ShareOptions shares)
{
    // All its callers are of one tenant: it is shared among people.
    private readonly SharedBound _running = new(
        manifest.MaxConcurrency, new ShareOptions { Person = shares.Person, Token = shares.Token, Tenant = 1 });

    public ToolManifest Manifest { get; } = manifest;

    /// <returns>
    /// Null: as many calls as the manifest allows are running, or as many of this caller as it may have.
    /// </returns>
    public IDisposable? TryEnter(Sharer who) => _running.TryTake(who);
}

/// <summary>All tools of one version. Immutable but for the counts of running calls.</summary>
internal sealed class ToolSet
{
    /// <summary>The version that every tenant begins with, and can go back to.</summary>
    public const string Builtin = "builtin";

    private readonly FrozenDictionary<string, Tool> _tools;

    private ToolSet(string version, IReadOnlyList<ToolManifest> manifests, ShareOptions shares)
    {
        (Version, Manifests, Digest) = (version, manifests, DigestOf(manifests));
        _tools = manifests.ToFrozenDictionary(manifest => manifest.Name, manifest => new Tool(manifest, shares));
    }

    public string Version { get; }
    public string Digest { get; }

    /// <summary>In the order of registration.</summary>
    public IReadOnlyList<ToolManifest> Manifests { get; }

    public Tool? Find(string name) => _tools.GetValueOrDefault(name);

    public static ToolSet OfBuiltins(ManifestReader reader, ShareOptions shares) =>
        Load(reader, Builtin, BuiltinTools.Manifests, shares)!;

    /// <param name="manifests">As they are stored.</param>
    /// <returns>Null: another release registered them, and this one cannot read them all.</returns>
    public static ToolSet? Load(ManifestReader reader, string version, string manifests, ShareOptions shares)
    {
        var (read, errors) = reader.Read(JsonDocument.Parse(manifests).RootElement, "");
        return errors.Count == 0 ? new ToolSet(version, read, shares) : null;
    }

    public static string CanonicalOf(IEnumerable<ToolManifest> manifests) =>
        $"[{string.Join(',', manifests.Select(manifest => manifest.Canonical))}]";

    public static string DigestOf(IEnumerable<ToolManifest> manifests) => CanonicalJson.Digest(CanonicalOf(manifests));
}
