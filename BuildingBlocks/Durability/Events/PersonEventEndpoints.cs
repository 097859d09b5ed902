using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Durability.Events;

/// <summary>The events of one person, for the gateway, which merges those of all services.</summary>
public static class PersonEventEndpoints
{
    public const string Path = "/internal/events";

    public static WebApplicationBuilder AddPersonEvents(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        services.AddSingleton<PersonEventHeads>();
        services.AddHostedService(provider => provider.GetRequiredService<PersonEventHeads>());
        services.AddHostedService<PersonEventRetention>();
        services.AddSingleton<PersonEventReader>();
        return builder;
    }

    public static RouteHandlerBuilder MapPersonEvents(this IEndpointRouteBuilder routes) =>
        routes.MapGet(Path, Follow).RequireService().WithTags("internal").ExcludeFromDescription();

    /// <summary>Of the person that the call acts for: those after a number, and what happens from now on.</summary>
    private static ServerSentEventsResult<string> Follow(
        Caller caller, HttpContext http, PersonEventReader events, DatabaseReady ready, long? after = null)
    {
        if (caller.Act is not { Length: > 0 } person)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "The call acts for nobody.");
        if (after < 0)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "after must not be negative.");
        ready.ThrowIfNotReady();
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(events.FollowAsync(caller.Tenant, person, after, http.RequestAborted));
    }
}
