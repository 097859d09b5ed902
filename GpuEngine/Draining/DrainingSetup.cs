using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Draining;

internal static class DrainingSetup
{
    /// <summary>Answers that end by their bound, and the reader that fetches the last of them.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(15);

    /// <summary>The engine finishes each <see cref="IDrainedWork"/> before it stops. May be called again.</summary>
    public static void AddDraining(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        if (services.Any(service => service.ServiceType == typeof(EngineDrain)))
            return;
        services.AddOptions<DrainOptions>().PostConfigure<IOptions<AnswersOptions>>(
            (drain, answers) => drain.Answers ??= answers.Value.MaxDuration + Margin);
        services.AddSingleton<EngineDrain>();
        services.AddHostedService(provider => provider.GetRequiredService<EngineDrain>());
    }

    /// <summary>A singleton of the service collection that is finished before the engine stops.</summary>
    public static void AddDrained<TWork>(this IServiceCollection services)
        where TWork : class, IDrainedWork =>
        services.AddSingleton<IDrainedWork>(provider => provider.GetRequiredService<TWork>());
}
