using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Shares;

/// <summary>
/// Requests that are being answered at the same moment by a service whose database's connections are few. Further ones
/// wait here, in turn with other people's, instead of at the pool, which serves whoever came first. Streams, and what a
/// service asks on its own account, are not counted.
/// </summary>
/// <param name="onlyMarked">Only requests to endpoints with <see cref="UsesDatabase"/> are counted.</param>
public sealed class RequestPlaces(long capacity, ShareOptions shares, bool onlyMarked)
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(2.5);

    private readonly SharedBound _places = new(capacity, shares);

    internal async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (http.User.Identity is not CallerIdentity { Caller: { } caller }
            || caller is { Kind: CallerKind.Service, Act: null } || !Counts(http.GetEndpoint()?.Metadata))
        {
            await next(http);
            return;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(MaxWait);
        SharedBound.Held place;
        try
        {
            place = await _places.TakeAsync(Sharer.Of(caller), limit.Token);
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw new ProblemException(StatusCodes.Status503ServiceUnavailable, ErrorCodes.Overloaded,
                "More requests are being answered than this service takes on, or more of yours while others wait. "
                + "Try again shortly.", TimeSpan.FromSeconds(1));
        }
        using (place)
            await next(http);
    }

    private bool Counts(EndpointMetadataCollection? endpoint) => onlyMarked
        ? endpoint?.GetMetadata<UsesDatabase>() is not null
        : endpoint?.GetOrderedMetadata<IProducesResponseTypeMetadata>()
            .Any(response => response.ContentTypes.Contains("text/event-stream")) is false;
}

/// <summary>Marks endpoints that wait for a connection to the database, in a service where most do not.</summary>
public sealed class UsesDatabase
{
    public static readonly UsesDatabase Instance = new();
}

internal static class RequestPlacesStage
{
    /// <summary>After authorization; only where <see cref="RequestPlaces"/> are registered.</summary>
    public static void UseRequestPlaces(this WebApplication app)
    {
        if (app.Services.GetService<RequestPlaces>() is { } places)
            app.Use((HttpContext http, RequestDelegate next) => places.InvokeAsync(http, next));
    }
}
