using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Launch;

internal static class LaunchSetup
{
    /// <summary>Starts and supervises a model server where <c>Llm:Launch</c> names one.</summary>
    /// <returns>Whether one is launched.</returns>
    public static bool AddLaunch(this WebApplicationBuilder builder)
    {
        if (!LaunchOptions.IsConfigured(builder.Configuration))
            return false;
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<LaunchOptions>, LaunchOptions.Validator>();
        services.AddOptions<LaunchOptions>().BindConfiguration(LaunchOptions.Section)
            .Configure<IConfiguration>((launch, configuration) => launch.ReadCommand(configuration))
            .ValidateOnStart();
        services.AddSingleton<HealthProbe>();
        services.AddSingleton<ModelServerLog>();
        services.AddSingleton<ModelServer>();
        services.AddHostedService<ModelServerSupervisor>();
        services.AddHealthChecks().AddCheck<ModelServer>("model_server");
        return true;
    }
}
