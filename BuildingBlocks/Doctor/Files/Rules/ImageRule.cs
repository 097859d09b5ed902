namespace Lyceum.Doctor.Files.Rules;

/// <summary>A tag that moves is another program at the next restart, on some pods.</summary>
internal sealed class ImageRule(RenderedFiles files) : FileRule(files)
{
    private static readonly string[] Moving = ["latest", "main", "master", "edge", "nightly", "dev", "stable"];

    public override string Id => "LYC-K8S-040";

    protected override string Subjects => "images";

    protected override string Expected => "a tag of a version, or a digest";

    protected override string Fix => "Name the version (…:0.1.0) or the digest (…@sha256:…); with kustomize, in images:.";

    protected override IEnumerable<string?> Look() =>
        from container in Files.Workloads.SelectMany(workload => workload.Containers)
        let image = container.Node.At("image")
        where container.Image.Length > 0
        select IsPinned(container.Image) ? null : $"{container.Place(image)}: {container.Image}";

    private static bool IsPinned(string image)
    {
        if (image.Contains("@sha256:", StringComparison.Ordinal))
            return true;
        // The colon before the last slash is a registry's port.
        var name = image[(image.LastIndexOf('/') + 1)..];
        var tag = name.IndexOf(':') is var at and >= 0 ? name[(at + 1)..] : "";
        return tag.Length > 0 && !Moving.Contains(tag.ToLowerInvariant());
    }
}
