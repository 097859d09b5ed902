using System.Runtime.InteropServices;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Draining;

/// <summary>
/// How the engine stops. On SIGTERM it says to the directory that it drains; after <see cref="DrainOptions.Notice"/> it
/// takes nothing new on, and lets what runs end, for <see cref="DrainOptions.Answers"/> at most. The server listens
/// meanwhile, so that readers come back. A second SIGTERM or SIGINT interrupts what still runs.
/// </summary>
internal sealed partial class EngineDrain(
    IEnumerable<IDrainedWork> works, IOptions<DrainOptions> options, TimeProvider time, ILogger<EngineDrain> log)
    : IHostedLifecycleService
{
    private volatile bool _begun;

    public bool HasBegun => _begun;

    /// <summary>Raised once, when it begins to drain.</summary>
    public event Action? Begun;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        var all = works.ToList();
        _begun = true;
        Begun?.Invoke();
        if (options.Value.Answers is { Ticks: > 0 } atMost)
            await FinishAsync(all, atMost, cancellationToken);
        all.ForEach(work => work.Close());
        await Task.WhenAll(all.Select(work => work.InterruptAsync())).WaitAsync(cancellationToken);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task FinishAsync(List<IDrainedWork> all, TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(atMost, time);
        using var again = new CancellationTokenSource();
        using var any = CancellationTokenSource.CreateLinkedTokenSource(late.Token, again.Token, cancellationToken);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        var began = time.GetTimestamp();
        LogDraining(log, atMost.TotalSeconds);
        try
        {
            await Task.Delay(options.Value.Notice, time, any.Token);
            all.ForEach(work => work.Close());
            await Task.WhenAll(all.Select(work => work.FinishAsync(any.Token)));
            LogDrained(log, time.GetElapsedTime(began).TotalSeconds);
        }
        catch (OperationCanceledException) when (any.IsCancellationRequested)
        {
            LogCutOff(
                log, time.GetElapsedTime(began).TotalSeconds,
                again.IsCancellationRequested ? "a second signal" : "Drain:Answers is over");
        }

        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = true; // the process ends in order all the same
            again.Cancel();
        }
    }

    [LoggerMessage(LogLevel.Information, "Draining: what runs has {Seconds:0.#} s to end")]
    private static partial void LogDraining(ILogger log, double seconds);

    [LoggerMessage(LogLevel.Information, "Drained after {Seconds:0.0} s: nothing was interrupted")]
    private static partial void LogDrained(ILogger log, double seconds);

    [LoggerMessage(LogLevel.Warning, "Draining ends after {Seconds:0.0} s, what still runs is interrupted: {Reason}")]
    private static partial void LogCutOff(ILogger log, double seconds, string reason);
}
