using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Records.Observe;

/// <param name="Recorded">Events that are new.</param>
/// <param name="Known">Events whose id was recorded before; they were not changed.</param>
public sealed record EmitResponse(int Recorded, int Known);

/// <param name="NextCursor">What to send as <c>?cursor=</c> for older ones; null at the end.</param>
public sealed record EventList(IReadOnlyList<ObservedEvent> Events, Guid? NextCursor);

/// <summary>Events of a tenant's applications; scope <c>observe</c>.</summary>
internal static class ObserveEndpoints
{
    private const int MaxPage = 200;

    public static void AddObserve(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<ObserveOptions>().BindConfiguration("Observe")
            .Validate(o => o.Retention > TimeSpan.Zero && o.SweepInterval > TimeSpan.Zero && o is { SweepBatch: > 0, MaxBatch: > 0, MaxPendingBytes: > 0 },
                "Observe: Retention, SweepInterval, SweepBatch, MaxBatch and MaxPendingBytes must be positive")
            .Validate(o => o is { MaxEvents: > 0, MaxBytes: > 0 }, "Observe: MaxEvents and MaxBytes must be positive")
            .ValidateOnStart();
        services.AddSingleton<ObserveMetrics>();
        services.AddSingleton<ObserveStore>();
        services.AddSingleton<ObserveWriter>();
        services.AddHostedService(provider => provider.GetRequiredService<ObserveWriter>());
        services.AddHostedService<ObserveRetention>();
    }

    public static void MapObserve(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/observe").WithTags("observe").RequireScope(Scopes.Observe);
        group.MapPost("emit", EmitAsync).Fails(409, ErrorCodes.LimitReached);
        group.MapGet("events", ListAsync).WithMetadata(UsesDatabase.Instance);
    }

    /// <summary>Records events, all or none. 200 after the commit.</summary>
    private static async Task<Ok<EmitResponse>> EmitAsync(
        EmitRequest request, Caller caller, ObserveWriter writer, ObserveStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var events = EmitValidation.Check(request, time.GetUtcNow());
        await store.CheckQuotaAsync(caller, events, cancellationToken);
        var recorded = await writer.RecordAsync(caller, events, cancellationToken);
        return TypedResults.Ok(new EmitResponse(recorded, events.Count - recorded));
    }

    /// <summary>The tenant's events, newest first, <paramref name="limit"/> (1-200) a page.</summary>
    private static async Task<Ok<EventList>> ListAsync(
        Caller caller, ObserveStore store, CancellationToken cancellationToken, string? type = null, Guid? cursor = null, int limit = 50)
    {
        var errors = new ValidationErrors();
        errors.AddIf(limit is < 1 or > MaxPage, "limit", $"limit must be from 1 to {MaxPage}.");
        errors.CheckText("type", type, 64);
        errors.ThrowIfAny();
        var events = await store.ListAsync(caller, type, cursor, limit, cancellationToken);
        return TypedResults.Ok(new EventList(events, events.Count == limit ? events[^1].EventId : null));
    }
}
