using Lyceum.GpuEngine.Gpu;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// For operators, scope <c>ops</c>: the engine's GPUs, the model server it launched, and that server's log.
/// </summary>
internal static class EngineApi
{
    public static WebApplication MapEngine(this WebApplication app)
    {
        var engine = app.MapGroup("/v1/engine").RequireScope(Scopes.Ops).WithTags("engines");
        engine.MapGet("/state", Describe);
        engine.MapGet("/log", Log).Fails(404, ErrorCodes.NotFound);
        return app;
    }

    /// <summary>The engine's GPUs, and the model server that it started.</summary>
    private static Ok<EngineDocument> Describe(GpuWatch gpus, IServiceProvider services) => TypedResults.Ok(new EngineDocument(
        gpus.Latest.Gpus,
        services.GetService<ModelServer>()?.State is { } state
            ? new ModelServerDocument(
                state.Phase, state.Since, state.Address, state.Pid, state.Restarts, state.Trouble, state.LastWords, state.RetryAt)
            : null));

    /// <summary>What the model server that the engine started has said.</summary>
    /// <param name="after">Only lines with a higher number: the last one seen.</param>
    private static Results<Ok<LogDocument>, ProblemHttpResult> Log(IServiceProvider services, long after = 0) =>
        services.GetService<ModelServerLog>() is { } log
            ? TypedResults.Ok(new LogDocument(log.After(after)))
            : Problems.NotFound(ErrorCodes.NotFound, "This engine starts no model server; see Llm:Launch.");

    /// <param name="ModelServer">Null where the engine starts none.</param>
    internal sealed record EngineDocument(IReadOnlyList<GpuReading> Gpus, ModelServerDocument? ModelServer);

    internal sealed record ModelServerDocument(
        ServerPhase State, DateTimeOffset Since, Uri? Address, int? Pid, int Restarts, string? Trouble, string? LastWords, DateTimeOffset? RetryAt);

    /// <param name="Lines">Oldest first. A gap before the first one asked for: older lines were dropped.</param>
    internal sealed record LogDocument(IReadOnlyList<LogLine> Lines);
}
