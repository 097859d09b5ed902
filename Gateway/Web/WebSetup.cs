namespace Lyceum.Gateway.Web;

/// <summary>The web UI at <c>/</c> (docs/web.md).</summary>
internal static class WebSetup
{
    public static void AddWeb(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<WebOptions>().BindConfiguration(WebOptions.Section)
            .Validate(
                options => options.ConnectTo.All(origin => origin is { IsAbsoluteUri: true, Scheme: "http" or "https" or "ws" or "wss" }),
                $"{WebOptions.Section}:{nameof(WebOptions.ConnectTo)} takes addresses such as wss://engine.example.")
            .ValidateOnStart();
        builder.Services.AddSingleton<WebFiles>();
        builder.Services.AddSingleton<WebPages>();
    }

    /// <summary>
    /// Before the rest of the pipeline, which treats the UI's files as an open route: without limits, whoever asks.
    /// </summary>
    public static void UseWeb(this WebApplication app)
    {
        var pages = app.Services.GetRequiredService<WebPages>();
        app.Use((http, next) =>
        {
            pages.Choose(http);
            return next(http);
        });
    }
}
