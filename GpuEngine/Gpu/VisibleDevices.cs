namespace Lyceum.GpuEngine.Gpu;

/// <summary>
/// What <c>CUDA_VISIBLE_DEVICES</c> leaves to see, as CUDA reads it: indices, UUIDs or unambiguous beginnings of them; what
/// follows an entry that names no GPU is hidden. Indices count as with <c>CUDA_DEVICE_ORDER=PCI_BUS_ID</c>: on a
/// machine with different GPUs, CUDA's own default order may be another.
/// </summary>
internal static class VisibleDevices
{
    public const string Variable = "CUDA_VISIBLE_DEVICES";

    /// <param name="setting">The variable; null: all are visible. Empty: none.</param>
    /// <param name="uuids">All GPUs in PCI order.</param>
    /// <returns>UUIDs of GPUs, and those of MIG devices as they were given.</returns>
    public static IReadOnlyList<string> Select(string? setting, IReadOnlyList<string> uuids)
    {
        if (setting is null)
            return uuids;
        var visible = new List<string>();
        foreach (var entry in setting.Split(',', StringSplitOptions.TrimEntries))
        {
            if (Find(entry, uuids) is not { } uuid)
                break;
            if (!visible.Contains(uuid))
                visible.Add(uuid);
        }
        return visible;
    }

    private static string? Find(string entry, IReadOnlyList<string> uuids)
    {
        if (int.TryParse(entry, out var index))
            return index >= 0 && index < uuids.Count ? uuids[index] : null;
        if (entry.StartsWith("MIG-", StringComparison.Ordinal))
            return entry;
        return entry.StartsWith("GPU-", StringComparison.Ordinal)
            && uuids.Where(uuid => uuid.StartsWith(entry, StringComparison.OrdinalIgnoreCase)).Take(2).ToList() is [var only]
            ? only
            : null;
    }
}
