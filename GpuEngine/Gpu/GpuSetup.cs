using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Launch;

namespace Lyceum.GpuEngine.Gpu;

internal static class GpuSetup
{
    /// <summary>GPU facts in health and metrics, where NVIDIA's driver is installed.</summary>
    public static void AddGpuFacts(this WebApplicationBuilder builder)
    {
        const string Variable = "CUDA_VISIBLE_DEVICES";
        // What the model server that is started here sees is what counts.
        var visible = builder.Configuration[$"{LaunchOptions.Section}:Environment:{Variable}"] ?? builder.Configuration[Variable];
        builder.Services.AddSingleton(services => new GpuWatch(
            () => Nvml.Open(Nvml.Library), visible, services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<IMeterFactory>(), services.GetRequiredService<ILogger<GpuWatch>>()));
        builder.Services.AddHostedService(services => services.GetRequiredService<GpuWatch>());
        builder.Services.AddHealthChecks().AddCheck<GpuWatch>("gpu");
    }
}
