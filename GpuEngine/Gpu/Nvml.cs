using System.Runtime.InteropServices;
using System.Text;

namespace Lyceum.GpuEngine.Gpu;

/// <summary>
/// NVIDIA's management library, which comes with the driver (https://docs.nvidia.com/deploy/nvml-api). Its functions are
/// looked up one by one, so that a machine without it costs nothing. Any call may hang with the driver: call it on a
/// thread that may block. It is never unloaded.
/// </summary>
internal sealed class Nvml
{
    public const string Library = "libnvidia-ml.so.1";

    private const int NotSupported = 3;
    private const int NoPermission = 4;
    private const int TemperatureOfGpu = 0;

    private readonly Counted _count;
    private readonly ByIndex _byIndex;
    private readonly ByUuid _byUuid;
    private readonly Text _name;
    private readonly Text _uuid;
    private readonly Memory _memory;
    private readonly Utilization _utilization;
    private readonly Sensor _temperature;
    private readonly Counter _power;
    private readonly ErrorText _error;

    private Nvml(nint library)
    {
        _error = Function<ErrorText>(library, "nvmlErrorString");
        Check(Function<Init>(library, "nvmlInit_v2")());
        _count = Function<Counted>(library, "nvmlDeviceGetCount_v2");
        _byIndex = Function<ByIndex>(library, "nvmlDeviceGetHandleByIndex_v2");
        _byUuid = Function<ByUuid>(library, "nvmlDeviceGetHandleByUUID");
        _name = Function<Text>(library, "nvmlDeviceGetName");
        _uuid = Function<Text>(library, "nvmlDeviceGetUUID");
        _memory = Function<Memory>(library, "nvmlDeviceGetMemoryInfo");
        _utilization = Function<Utilization>(library, "nvmlDeviceGetUtilizationRates");
        _temperature = Function<Sensor>(library, "nvmlDeviceGetTemperature");
        _power = Function<Counter>(library, "nvmlDeviceGetPowerUsage");
    }

    /// <returns>Null where the library is not there.</returns>
    /// <exception cref="NvmlException">It is there but does not work: no driver is loaded, for example.</exception>
    public static Nvml? Open(string library)
    {
        if (!NativeLibrary.TryLoad(library, out var handle))
            return null;
        try
        {
            return new Nvml(handle);
        }
        catch (EntryPointNotFoundException e)
        {
            throw new NvmlException($"{library} lacks a function: {e.Message}");
        }
    }

    /// <summary>
    /// The GPUs that <paramref name="visible"/>, the value of <c>CUDA_VISIBLE_DEVICES</c>, leaves visible.
    /// </summary>
    /// <exception cref="NvmlException">The library as a whole does not answer.</exception>
    public IReadOnlyList<GpuReading> Read(string? visible)
    {
        Check(_count(out var count));
        var devices = new Dictionary<string, nint>();
        for (var i = 0u; i < count; i++)
        {
            // One that cannot be opened (lost, or not given to this container) has no UUID; CUDA does not count it either.
            if (_byIndex(i, out var device) is 0 && Read(_uuid, device) is { } uuid)
                devices[uuid] = device;
        }
        var readings = new List<GpuReading>();
        foreach (var uuid in VisibleDevices.Select(visible, [.. devices.Keys]))
        {
            if (!devices.TryGetValue(uuid, out var device) && _byUuid(uuid, out device) is not 0)
                break; // a MIG device that is not there
            readings.Add(Read(uuid, device));
        }
        return readings;
    }

    private GpuReading Read(string uuid, nint device)
    {
        var status = _memory(device, out var memory);
        var hasMemory = status is 0;
        return new GpuReading(
            uuid,
            Read(_name, device),
            hasMemory ? (long)memory.Total : null,
            hasMemory ? (long)memory.Used : null,
            _utilization(device, out var busy) is 0 ? busy.Gpu / 100.0 : null,
            _temperature(device, TemperatureOfGpu, out var celsius) is 0 ? (int)celsius : null,
            _power(device, out var milliwatts) is 0 ? milliwatts / 1000.0 : null,
            status is 0 or NotSupported or NoPermission ? null : Explain(status));
    }

    private static string? Read(Text text, nint device)
    {
        var buffer = new byte[96]; // NVML_DEVICE_NAME_V2_BUFFER_SIZE, the longest
        return text(device, buffer, (uint)buffer.Length) is 0
            ? Encoding.UTF8.GetString(buffer, 0, Math.Max(0, Array.IndexOf(buffer, (byte)0)))
            : null;
    }

    private void Check(int status)
    {
        if (status is not 0)
            throw new NvmlException(Explain(status));
    }

    private string Explain(int status) => Marshal.PtrToStringUTF8(_error(status)) ?? $"NVML error {status}";

    private static T Function<T>(nint library, string name)
        where T : Delegate => Marshal.GetDelegateForFunctionPointer<T>(NativeLibrary.GetExport(library, name));

    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryInfo
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    /// <summary>Percent of the last sample period (a sixth of a second to a second).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Rates
    {
        public uint Gpu;
        public uint Memory;
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Init();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nint ErrorText(int status);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Counted(out uint count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int ByIndex(uint index, out nint device);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int ByUuid([MarshalAs(UnmanagedType.LPUTF8Str)] string uuid, out nint device);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Text(nint device, [Out] byte[] text, uint length);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Memory(nint device, out MemoryInfo memory);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Utilization(nint device, out Rates rates);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Sensor(nint device, int sensor, out uint value);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int Counter(nint device, out uint value);
}

/// <summary>NVML does not work at all.</summary>
internal sealed class NvmlException(string message) : Exception(message);
