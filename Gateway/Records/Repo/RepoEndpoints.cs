using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Records.Repo;

/// <param name="Created">What this call added.</param>
/// <param name="Known">What existed already, with the same content.</param>
/// <param name="Records">All of the request, in its order.</param>
public sealed record AppendResponse(
    AppendCounts Created, AppendCounts Known, IReadOnlyList<AppendedRecord> Records, IReadOnlyList<AppendedEdge> Edges);

public sealed record AppendCounts(int Records, int Edges);

/// <summary>A tenant's repository of records and edges; scope <c>repo</c>.</summary>
internal static class RepoEndpoints
{
    public static void AddRepo(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<RepoOptions>().BindConfiguration(RepoOptions.Section)
            .Validate(o => o is { MaxRows: > 0, MaxBytes: > 0 }, "Repo: MaxRows and MaxBytes must be positive").ValidateOnStart();
        builder.Services.AddSingleton<RepoStore>();
    }

    public static void MapRepo(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/api/repo/append", AppendAsync).WithTags("repo").RequireScope(Scopes.Repo)
            .WithMetadata(UsesDatabase.Instance)
            .Fails(typeof(AppendProblem), 409, ErrorCodes.AppendConflict, ErrorCodes.LimitReached);

    /// <param name="Records">Ids of records that exist with other content.</param>
    /// <param name="Edges">Edges that exist with other properties.</param>
    /// <param name="Missing">Ids that edges name and no record has.</param>
    private sealed record AppendProblem(
        IReadOnlyList<string> Records, IReadOnlyList<EdgeKey> Edges, IReadOnlyList<string> Missing) : Problem;

    private sealed record EdgeKey(string From, string Type, string To);

    /// <summary>
    /// Records all of it, or nothing. 200 after the commit, also when all of it existed before; 409
    /// <c>append_conflict</c> with every reason.
    /// </summary>
    private static async Task<Results<Ok<AppendResponse>, ProblemHttpResult>> AppendAsync(
        AppendRequest request, Caller caller, RepoStore repo, IOptions<RepoOptions> options, CancellationToken cancellationToken)
    {
        var (records, edges) = AppendValidation.Check(request);
        var appended = await repo.AppendAsync(caller, records, edges, cancellationToken);
        if (appended.Conflict is { Any: true } conflict)
        {
            return Problems.Create(StatusCodes.Status409Conflict, ErrorCodes.AppendConflict, Explain(conflict),
                [new("records", conflict.Records), new("edges", conflict.Edges), new("missing", conflict.Missing)]);
        }
        if (appended.IsOverQuota)
        {
            return Problems.Conflict(ErrorCodes.LimitReached,
                $"Nothing was appended: a tenant may keep {options.Value.MaxRows} records and edges (Repo:MaxRows) with "
                + $"{options.Value.MaxBytes} bytes of properties (Repo:MaxBytes).");
        }
        return TypedResults.Ok(new AppendResponse(
            new(appended.CreatedRecords, appended.CreatedEdges),
            new(records.Count - appended.CreatedRecords, edges.Count - appended.CreatedEdges), appended.Records, appended.Edges));
    }

    private static string Explain(AppendConflict conflict) => string.Join(' ', new[]
    {
        "Nothing was appended.",
        conflict.Records.Count > 0 ? $"{conflict.Records.Count} records exist with other content (records)." : "",
        conflict.Edges.Count > 0 ? $"{conflict.Edges.Count} edges exist with other properties (edges)." : "",
        conflict.Missing.Count > 0 ? $"Edges name {conflict.Missing.Count} records that do not exist (missing)." : "",
    }.Where(part => part.Length > 0));
}
