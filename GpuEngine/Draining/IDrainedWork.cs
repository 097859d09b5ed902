namespace Lyceum.GpuEngine.Draining;

/// <summary>Work that a stopping engine finishes before it goes (<see cref="EngineDrain"/>).</summary>
internal interface IDrainedWork
{
    /// <summary>Takes nothing new on from now on; what runs goes on. May be called again; must be quick.</summary>
    void Close();

    /// <summary>Completes when nothing runs any more.</summary>
    Task FinishAsync(CancellationToken cancel);

    /// <summary>Ends what still runs.</summary>
    Task InterruptAsync();
}
