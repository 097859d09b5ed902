namespace Lyceum.GpuEngine.Addressing;

/// <summary>This run of the engine's process: what it holds in memory ends with it.</summary>
internal sealed class EngineRun(TimeProvider time)
{
    public Guid Incarnation { get; } = Guid.CreateVersion7(time.GetUtcNow());
}
