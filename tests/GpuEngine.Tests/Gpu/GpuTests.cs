using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using Lyceum.GpuEngine.Gpu;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lyceum.Tests.GpuEngine.Gpu;

public sealed class GpuTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public void Dispose() => _services.Dispose();

    [Theory]
    [InlineData(null, "GPU-aa1,GPU-aa2,GPU-bb")]
    [InlineData("", "")]
    [InlineData("2,0", "GPU-bb,GPU-aa1")]
    [InlineData(" 1 , 1 ", "GPU-aa2")]
    [InlineData("0,7,1", "GPU-aa1")]
    [InlineData("-1,0", "")]
    [InlineData("GPU-bb,GPU-aa2", "GPU-bb,GPU-aa2")]
    [InlineData("GPU-b", "GPU-bb")]
    [InlineData("GPU-aa", "")]
    [InlineData("MIG-cc,nonsense,0", "MIG-cc")]
    public void VisibleDevices_AnySetting_SelectsAsCudaDoes(string? setting, string visible) =>
        string.Join(',', VisibleDevices.Select(setting, ["GPU-aa1", "GPU-aa2", "GPU-bb"])).ShouldBe(visible);

    [Fact]
    public async Task GpuWatch_WithoutDriver_IsHealthyWithoutGpus()
    {
        Assert.SkipWhen(NativeLibrary.TryLoad(Nvml.Library, out _), "this machine has NVIDIA's driver");
        await using var engine = await Engine.PrimerAsync();
        await Eventually.TrueAsync(async () => (await GpuAsync(engine)) is ("ok", "none"), "health says gpu: none");

        var metrics = await engine.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        metrics.ShouldNotContain("hw_gpu_memory_usage_bytes{");
    }

    [Fact]
    public async Task GpuWatch_WithDriver_ReportsItsGpus()
    {
        var nvml = Nvml.Open(Nvml.Library);
        Assert.SkipWhen(nvml is null, "this machine has no NVIDIA driver");
        nvml.Read(null).ShouldAllBe(gpu => gpu.MemoryTotal > 1L << 30 && gpu.MemoryUsed <= gpu.MemoryTotal && gpu.Name != null && gpu.Temperature > 0);
        await using var engine = await Engine.PrimerAsync();
        await Eventually.TrueAsync(async () => (await GpuAsync(engine)).Detail!.Contains("GiB", StringComparison.Ordinal), "health tells the GPU");
    }

    [Fact]
    public void Nvml_FakeLibrary_IsReadByItsHeader()
    {
        var nvml = Nvml.Open(Fake())!;

        nvml.Read(null).ShouldBe([Reading("GPU-aa", "Fake 1"), Reading("GPU-bb", "Fake 2")]);
        nvml.Read("1").ShouldBe([Reading("GPU-bb", "Fake 2")]);
        nvml.Read("MIG-cc,MIG-gone,0").ShouldBe([Reading("MIG-cc", "Fake 3") with { Utilization = null }]);
        nvml.Read("").ShouldBeEmpty();
    }

    [Fact]
    public async Task GpuWatch_DriverNotLoaded_IsLoggedOnce()
    {
        var library = Fake("-DNO_DRIVER");
        using var watch = Watch(() => Nvml.Open(library), TimeProvider.System);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        await Eventually.TrueAsync(async () => (await ReportAsync(watch)).Description is "none: Driver Not Loaded", "the reason is told");
        (await ReportAsync(watch)).Status.ShouldBe(HealthStatus.Healthy);
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task GpuWatch_StaleReadings_AreNotReported()
    {
        var library = Fake();
        var time = new JumpingTime();
        var measured = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope == _services.GetRequiredService<IMeterFactory>())
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        void Take<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) => measured.Add(
            $"{instrument.Name} {instrument.Unit} {value} {string.Join(',', tags.ToArray().Select(tag => tag.Value))}");
        listener.SetMeasurementEventCallback<long>(Take);
        listener.SetMeasurementEventCallback<double>(Take);
        listener.SetMeasurementEventCallback<int>(Take);
        listener.Start();
        using var watch = Watch(() => Nvml.Open(library), time);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => Task.FromResult(watch.Latest.Gpus.Count == 2), "the GPUs are read");
        await watch.StopAsync(TestContext.Current.CancellationToken);

        listener.RecordObservableInstruments();

        measured.Where(line => line.Contains("GPU-bb", StringComparison.Ordinal)).ShouldBe(
            [
                $"hw.gpu.memory.limit By {16L << 30} GPU-bb,Fake 2,gpu", $"hw.gpu.memory.usage By {4L << 30} GPU-bb,Fake 2,gpu",
                "hw.gpu.memory.utilization 1 0.25 GPU-bb,Fake 2,gpu", "hw.gpu.utilization 1 0.37 GPU-bb,Fake 2,gpu",
                "hw.temperature Cel 41 GPU-bb,Fake 2,gpu", "hw.power W 123.456 GPU-bb,Fake 2,gpu",
            ],
            ignoreOrder: true);
        measured.Count.ShouldBe(12);
        measured.Clear();
        time.Jump(TimeSpan.FromMinutes(1));
        listener.RecordObservableInstruments();
        measured.ShouldBeEmpty();
    }

    [Fact]
    public async Task GpuWatch_GpuLostOrHanging_IsReportedAtOnce()
    {
        var library = Fake();
        var set = Marshal.GetDelegateForFunctionPointer<FakeSet>(NativeLibrary.GetExport(NativeLibrary.Load(library), "fake_set"));
        var time = new JumpingTime();
        using var watch = Watch(() => Nvml.Open(library), time);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(
            async () => (await ReportAsync(watch)).Description is "Fake 1 GPU-aa: 4.0 of 16.0 GiB, 37% busy, 41 °C, 123 W; Fake 2 GPU-bb: 4.0 of 16.0 GiB, 37% busy, 41 °C, 123 W",
            "both are told");

        set(0, 1);
        await Eventually.TrueAsync(async () => (await ReportAsync(watch)).Status is HealthStatus.Degraded, "one is lost");
        (await ReportAsync(watch)).Description!.ShouldContain("GPU is lost");

        set(1, 0);
        try
        {
            // Two intervals: the loop hangs by now.
            time.Jump(TimeSpan.FromMinutes(1));
            await Eventually.TrueAsync(async () => (await ReportAsync(watch)).Description!.Contains("has not answered for", StringComparison.Ordinal), "it hangs");
            await watch.StopAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            set(0, 0);
        }
    }

    private static GpuReading Reading(string uuid, string name) =>
        new(uuid, name, 16L << 30, 4L << 30, 0.37, 41, 123.456);

    private GpuWatch Watch(Func<Nvml?> open, TimeProvider time) =>
        new(open, null, time, _services.GetRequiredService<IMeterFactory>(), NullLogger<GpuWatch>.Instance);

    private static Task<HealthCheckResult> ReportAsync(GpuWatch watch) => watch.CheckHealthAsync(new HealthCheckContext(), TestContext.Current.CancellationToken);

    private static async Task<(string? Status, string? Detail)> GpuAsync(Engine engine)
    {
        using var response = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        var check = (await response.JsonAsync()).GetProperty("checks").GetProperty("gpu");
        return (check.GetProperty("status").GetString(), check.GetProperty("detail").GetString());
    }

    /// <summary>Compiles <c>fake-nvml.c</c>, into a file of its own: each test has its own GPUs.</summary>
    private static string Fake(params string[] options)
    {
        var compiler = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "cc")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(compiler is null, "no C compiler for the fake libnvidia-ml (Debian package gcc)");
        var library = Path.Combine(Directory.CreateTempSubdirectory("lyceum-nvml-").FullName, "libnvidia-ml.so.1");
        using var cc = Process.Start(compiler, ["-shared", "-fPIC", "-o", library, .. options, Path.Combine(AppContext.BaseDirectory, "fake-nvml.c")]);
        cc.WaitForExit();
        cc.ExitCode.ShouldBe(0);
        return library;
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void FakeSet(int hang, int lose);
}
