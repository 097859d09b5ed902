using System.Text.RegularExpressions;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.SessionApi.Engines;

/// <summary>The directory, for services alone: engines write to it, ChatApi and Gateway read it.</summary>
internal static partial class EngineEndpoints
{
    public static void MapEngines(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(EngineDirectory.Path).RequireService().WithTags("engines");
        group.MapGet("", ListAsync);
        group.MapPut("{engine_id}", AnnounceAsync);
    }

    private static async Task<EngineList> ListAsync(EngineStore engines, CancellationToken cancellationToken) =>
        new([.. (await engines.LiveAsync(cancellationToken)).Select(engine => new EngineAnnouncement(
            engine.Id, engine.Incarnation, new Uri(engine.Url), engine.PublicUrl, engine.Capacity, engine.Sessions, engine.Model)
        { Draining = engine.IsDraining })]);

    private static async Task<Results<NoContent, ProblemHttpResult>> AnnounceAsync(
        string engine_id, EngineAnnouncement engine, EngineStore engines, HttpRequest request, CancellationToken cancellationToken)
    {
        if (engine.Id != engine_id || !EngineId().IsMatch(engine_id))
            return Problems.BadRequest("id must be the path's: small letters, digits and dashes, at most 63.");
        if (!engine.Url.IsAbsoluteUri || engine.Url.Scheme is not ("http" or "https") || engine.Capacity < 0 || engine.Sessions < 0)
            return Problems.BadRequest("url must be an http or https address; capacity and sessions must not be negative.");
        return await engines.AnnounceAsync(engine, new Uri($"{request.Scheme}://{request.Host}"), cancellationToken)
            ? TypedResults.NoContent()
            : Problems.Conflict(ErrorCodes.EngineIdTaken, $"A process that started later announces itself as {engine_id}.");
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]{0,62}\z", RegexOptions.NonBacktracking)]
    private static partial Regex EngineId();
}
