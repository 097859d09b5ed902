namespace Lyceum.Doctor.Files.Rules;

internal sealed class ReadableRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-001";

    protected override string Subjects => "objects";

    protected override string Expected => "YAML that a cluster would take: whole objects, as rendered";

    protected override string Fix => "Look at what is applied: `kubectl kustomize FOLDER > DIR/all.yaml`, or `helm template`.";

    protected override IEnumerable<string?> Look() => Files.Unreadable
        .Concat(Files.Objects.Where(it => it.Name.Length == 0).Select(it => $"{it.Place()}: it has no name"))
        .Concat(Files.Objects.GroupBy(it => (it.ApiVersion, it.Kind, it.Namespace, it.Name)).Where(same => same.Count() > 1 && same.Key.Name.Length > 0)
            .Select(same => $"{string.Join(" and ", same.Select(it => it.Place()))}: the same object twice"))
        .Concat(Files.Objects.Select(_ => (string?)null));
}
