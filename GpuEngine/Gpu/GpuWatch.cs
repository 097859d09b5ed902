using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions.Answers;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.GpuEngine.Gpu;

/// <summary>What was read last.</summary>
/// <param name="At">Timestamp of the <see cref="TimeProvider"/>.</param>
/// <param name="Absent">Why there is nothing to read; null where NVML answers.</param>
internal sealed record GpuFacts(IReadOnlyList<GpuReading> Gpus, long At, string? Absent);

/// <summary>
/// Reads the GPUs every two seconds and keeps the result: health, metrics and requests read that, and so never wait for
/// a driver. If the driver hangs, only this loop hangs, and the facts become stale.
/// </summary>
internal sealed partial class GpuWatch : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(15);

    /// <summary>Until a driver that did not work is tried again.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(1);

    private readonly Func<Nvml?> _open;
    private readonly string? _visible;
    private readonly TimeProvider _time;
    private readonly ILogger<GpuWatch> _log;
    private volatile GpuFacts _latest;

    /// <param name="visible">The value of <c>CUDA_VISIBLE_DEVICES</c>, null where it is not set.</param>
    public GpuWatch(Func<Nvml?> open, string? visible, TimeProvider time, IMeterFactory meters, ILogger<GpuWatch> log)
    {
        (_open, _visible, _time, _log) = (open, visible, time, log);
        _latest = new GpuFacts([], time.GetTimestamp(), "not read yet");
        Observe(meters.Create(EngineMetrics.Name));
    }

    public GpuFacts Latest => _latest;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var (gpus, absent) = (_latest.Gpus, _latest.Absent);
        if (absent is null && Age() > Stale)
            return Task.FromResult(HealthCheckResult.Degraded($"the driver has not answered for {Age().TotalSeconds:0} s"));
        var text = absent ?? (gpus.Count == 0 ? "none: CUDA_VISIBLE_DEVICES hides all" : string.Join("; ", gpus.Select(Describe)));
        return Task.FromResult(gpus.Any(gpu => gpu.Fault is not null) ? HealthCheckResult.Degraded(text) : HealthCheckResult.Healthy(text));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Nvml? nvml = null;
        while (true)
        {
            var wait = Interval;
            try
            {
                // On a thread of its own, which a hanging driver may block without blocking the engine's end.
                nvml ??= await Task.Run(_open, stoppingToken).WaitAsync(stoppingToken);
                if (nvml is null)
                {
                    _latest = new GpuFacts([], _time.GetTimestamp(), "none");
                    return; // the library comes with the driver, which is not installed while the engine runs
                }
                var gpus = await Task.Run(() => nvml.Read(_visible), stoppingToken).WaitAsync(stoppingToken);
                _latest = new GpuFacts(gpus, _time.GetTimestamp(), null);
            }
            catch (NvmlException e)
            {
                if (_latest.Absent is not { } known || !known.EndsWith(e.Message, StringComparison.Ordinal))
                    LogUnreadable(_log, e.Message);
                _latest = new GpuFacts([], _time.GetTimestamp(), $"none: {e.Message}");
                wait = Retry;
            }
            await Task.Delay(wait, _time, stoppingToken);
        }
    }

    private TimeSpan Age() => _time.GetElapsedTime(_latest.At);

    private static string Describe(GpuReading gpu)
    {
        const double GiB = 1024 * 1024 * 1024;
        var parts = new[]
        {
            gpu is { MemoryUsed: { } used, MemoryTotal: { } total } ? $"{used / GiB:0.0} of {total / GiB:0.0} GiB" : null,
            gpu.Utilization is { } busy ? $"{busy:0%} busy" : null,
            gpu.Temperature is { } celsius ? $"{celsius} °C" : null,
            gpu.Power is { } watts ? $"{watts:0} W" : null,
            gpu.Fault,
        };
        return $"{gpu.Name ?? "GPU"} {gpu.Uuid}: {string.Join(", ", parts.OfType<string>())}";
    }

    /// <summary>
    /// Names and units of https://opentelemetry.io/docs/specs/semconv/hardware/gpu. Stale facts are not reported: the
    /// graph gets a gap, not a straight line.
    /// </summary>
    private void Observe(Meter meter)
    {
        meter.CreateObservableUpDownCounter("hw.gpu.memory.limit", () => Each(gpu => gpu.MemoryTotal), "By", "Size of the GPU memory");
        meter.CreateObservableUpDownCounter("hw.gpu.memory.usage", () => Each(gpu => gpu.MemoryUsed), "By", "GPU memory used");
        meter.CreateObservableGauge(
            "hw.gpu.memory.utilization", () => Each(gpu => gpu.MemoryTotal > 0 ? gpu.MemoryUsed / (double)gpu.MemoryTotal : null), "1", "Fraction of GPU memory used");
        meter.CreateObservableGauge("hw.gpu.utilization", () => Each(gpu => gpu.Utilization), "1", "Fraction of time the GPU computes");
        meter.CreateObservableGauge("hw.temperature", () => Each(gpu => gpu.Temperature), "Cel", "Temperature in degrees Celsius");
        meter.CreateObservableGauge("hw.power", () => Each(gpu => gpu.Power), "W", "Power drawn");

        IEnumerable<Measurement<T>> Each<T>(Func<GpuReading, T?> value)
            where T : struct
        {
            foreach (var gpu in Age() <= Stale ? _latest.Gpus : [])
            {
                if (value(gpu) is { } read)
                    yield return new Measurement<T>(read, new("hw.id", gpu.Uuid), new("hw.name", gpu.Name), new("hw.type", "gpu"));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "GPUs cannot be read: {Reason}")]
    private static partial void LogUnreadable(ILogger log, string reason);
}
