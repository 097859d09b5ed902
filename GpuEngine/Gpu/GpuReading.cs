namespace Lyceum.GpuEngine.Gpu;

/// <summary>One GPU (or MIG slice of one) at one moment. What it does not report is null.</summary>
/// <param name="Uuid"><c>GPU-…</c> or <c>MIG-…</c>.</param>
/// <param name="MemoryTotal">Bytes.</param>
/// <param name="MemoryUsed">Bytes.</param>
/// <param name="Utilization">Share of the last moments in which it computed, 0 to 1.</param>
/// <param name="Temperature">°C.</param>
/// <param name="Power">Watts.</param>
/// <param name="Fault">Why it cannot be read; for example, it fell off the bus.</param>
internal sealed record GpuReading(
    string Uuid, string? Name, long? MemoryTotal = null, long? MemoryUsed = null, double? Utilization = null,
    int? Temperature = null, double? Power = null, string? Fault = null);
