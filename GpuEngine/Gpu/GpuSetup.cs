using System.Diagnostics.Metrics;

namespace Lyceum.GpuEngine.Gpu;

internal static class GpuSetup
{
    /// <summary>GPU facts in health and metrics, where NVIDIA's driver is installed.</summary>
    /// <param name="visible">The value of <c>CUDA_VISIBLE_DEVICES</c> that counts; null where it is not set.</param>
    public static void AddGpuFacts(this WebApplicationBuilder builder, string? visible)
    {
        builder.Services.AddSingleton(services => new GpuWatch(
            () => Nvml.Open(Nvml.Library), visible, services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<IMeterFactory>(), services.GetRequiredService<ILogger<GpuWatch>>()));
        builder.Services.AddHostedService(services => services.GetRequiredService<GpuWatch>());
        builder.Services.AddHealthChecks().AddCheck<GpuWatch>("gpu");
    }
}
