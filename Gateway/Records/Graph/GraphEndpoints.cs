using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Records.Graph;

/// <summary>Walks along the edges of the repository; scope <c>graph</c>.</summary>
internal static class GraphEndpoints
{
    public static void AddGraph(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<GraphOptions>().BindConfiguration("Graph")
            .Validate(o => o.Timeout > TimeSpan.Zero && o.Timeout <= TimeSpan.FromMinutes(1), "Graph: Timeout must be above 0 and at most a minute")
            .ValidateOnStart();
        builder.Services.AddSingleton<GraphStore>();
    }

    public static void MapGraph(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/graph/recall", RecallAsync).WithTags("graph").RequireScope(Scopes.Graph).WithMetadata(UsesDatabase.Instance)
            .Fails(400, ErrorCodes.InvalidRequest).Fails(typeof(MissingProblem), 404, ErrorCodes.RecordNotFound)
            .Fails(422, ErrorCodes.RecallTooLarge);

    /// <param name="Missing">Starts that are not records of the tenant.</param>
    private sealed record MissingProblem(IReadOnlyList<string> Missing) : Problem;

    /// <summary>
    /// Walks along the edges, breadth first. 404 <c>record_not_found</c> with <c>missing</c>, if a start is not a
    /// record of the tenant.
    /// </summary>
    private static async Task<Results<Ok<RecallResponse>, ProblemHttpResult>> RecallAsync(
        HttpRequest http, Caller caller, GraphStore graph, CancellationToken cancellationToken)
    {
        var request = RecallRequest.Read(http.Query);
        var recalled = await graph.RecallAsync(caller, request, cancellationToken);
        var missing = request.Start.Except(recalled.Nodes.Where(node => node.Depth == 0).Select(node => node.Id)).ToList();
        return missing.Count == 0
            ? TypedResults.Ok(recalled)
            : Problems.Create(StatusCodes.Status404NotFound, ErrorCodes.RecordNotFound,
                "There is no such record to start from (missing).", [new("missing", missing)]);
    }
}
