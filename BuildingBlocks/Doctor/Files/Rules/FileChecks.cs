namespace Lyceum.Doctor.Files.Rules;

/// <summary>All rules for rendered files; docs/doctor-files.md tells of each.</summary>
public static class FileChecks
{
    public static IReadOnlyList<Check> For(RenderedFiles files) =>
    [
        new ReadableRule(files),
        new GkeTimeoutRule(files), new GkeRouteRule(files), new BackendConfigRule(files), new RouteTimeoutRule(files), new IngressTimeoutRule(files),
        new BufferingRule(files), new GraceRule(files), new MeshTimeoutRule(files),
        new ProbeRule(files), new PortRule(files), new ReferenceRule(files),
        new SettingRule(files), new LoopbackRule(files), new PlainSocketRule(files), new ProductionRule(files),
        new ImageRule(files), new SecretRule(files),
        new EngineRule(files), new InstanceRule(files), new PoolRule(files),
    ];
}
