namespace Lyceum.ChatApi.Safety;

public static class SafetyRegistration
{
    /// <summary>What judges answers while they are written.</summary>
    public static WebApplicationBuilder AddJudges(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<SafetyOptions>().BindConfiguration(SafetyOptions.Section)
            .Validate(o => o is { JudgeTimeout.Ticks: > 0, PolicyFresh.Ticks: >= 0, PolicyTimeout.Ticks: > 0 } && o.PolicyKept >= o.PolicyFresh,
                "Safety: timeouts must be above 0, and PolicyKept at least PolicyFresh")
            .ValidateOnStart();
        builder.Services.AddSingleton<Judges>();
        return builder;
    }

    /// <summary>What reads questions before they are asked.</summary>
    public static WebApplicationBuilder AddScreening(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<PolicyCache>();
        builder.Services.AddSingleton<Screening>();
        builder.Services.AddScoped<SafetyStore>();
        return builder;
    }
}
