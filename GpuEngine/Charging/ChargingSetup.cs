namespace Lyceum.GpuEngine.Charging;

/// <summary>Configuration section <c>Engine</c>.</summary>
internal sealed class ChargingOptions
{
    public const string Section = "Engine";

    /// <summary>
    /// Who keeps the budgets that answers are charged to: the base addresses of its replicas. None: nothing is charged.
    /// </summary>
    public Uri[] ChargeTo { get; set; } = [];
}

internal static class ChargingSetup
{
    public static WebApplicationBuilder AddCharging(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ChargingOptions>().BindConfiguration(ChargingOptions.Section)
            .Validate(o => o.ChargeTo.All(url => url.IsAbsoluteUri && url.Scheme is "http" or "https"),
                "Engine:ChargeTo: every entry must be an http or https address")
            .ValidateOnStart();
        builder.Services.AddHttpClient(ModelCharges.Client);
        builder.Services.AddSingleton<ModelCharges>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ModelCharges>());
        return builder;
    }
}
