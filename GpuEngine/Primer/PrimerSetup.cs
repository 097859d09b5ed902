using Lyceum.GpuEngine.Completions.Answers;

namespace Lyceum.GpuEngine.Primer;

internal static class PrimerSetup
{
    /// <summary>The embedded tutor, where no language model is configured.</summary>
    public static WebApplicationBuilder AddPrimer(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<PrimerOptions>().BindConfiguration(PrimerOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IChatModel, PrimerModel>();
        return builder;
    }
}
