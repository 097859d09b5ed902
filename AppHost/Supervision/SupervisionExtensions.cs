using Lyceum.AppHost.Supervision;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.AppHost;

/// <summary>Adds what keeps the system running and tells others how it is.</summary>
public static class SupervisionExtensions
{
    /// <summary>Restarts what died and keeps <c>DIR/state.json</c> current.</summary>
    public static void AddSupervision(this IDistributedApplicationBuilder builder, House house)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(house);

        if (builder.ExecutionContext.IsPublishMode)
            return;
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(services => new StateFile(services.GetRequiredService<House>(), builder.Environment));
        builder.Services.AddHostedService<Supervisor>();
        builder.Services.AddHostedService<OrderedStop>();
        builder.Services.AddHostedService<OrchestratorWatch>();
        if (builder.Configuration.GetValue<bool>("Lyceum:Console"))
            builder.Services.AddHostedService<ResourceConsole>();
    }
}
