using System.Text.Json;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Records.Graph;

/// <param name="Depth">Edges from the nearest start.</param>
public sealed record RecalledNode(string Id, string Type, int Depth, JsonElement Properties, long Seq, DateTimeOffset CreatedAt);

public sealed record RecalledEdge(string From, string Type, string To, JsonElement Properties, long Seq, DateTimeOffset CreatedAt);

/// <param name="Nodes">By depth, then by id.</param>
/// <param name="Edges">Those between the nodes, of the types asked for, by from, type and to.</param>
/// <param name="Truncated">Whether nodes or edges were left out because of the limit.</param>
public sealed record RecallResponse(IReadOnlyList<RecalledNode> Nodes, IReadOnlyList<RecalledEdge> Edges, bool Truncated);

/// <summary>Bounds of a walk, section <c>Graph</c>.</summary>
internal sealed class GraphOptions
{
    /// <summary>Of the statement, by Postgres; then 422 <c>recall_too_large</c>.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>Walks a tenant's graph.</summary>
internal sealed class GraphStore(Database database, IOptions<GraphOptions> options)
{
    private const int MaxEdges = 5000;
    private const int MaxAnswer = 8 * 1024 * 1024; // characters of properties

    /// <exception cref="ProblemException">422 <c>recall_too_large</c>.</exception>
    public async Task<RecallResponse> RecallAsync(Caller caller, RecallRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await database.RunAsync(connection => WalkAsync(connection, caller, request, cancellationToken), cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.QueryCanceled)
        {
            throw TooLarge($"The walk takes longer than {options.Value.Timeout.TotalSeconds:0.###} s.");
        }
    }

    private async Task<RecallResponse> WalkAsync(
        NpgsqlConnection connection, Caller caller, RecallRequest request, CancellationToken cancellationToken)
    {
        // A batch is one transaction, and the timeout applies to it only.
        await using var batch = new NpgsqlBatch(connection) { Timeout = Database.CommandTimeout + (int)options.Value.Timeout.TotalSeconds };
        batch.BatchCommands.Add(new("SELECT set_config('statement_timeout', $1, true)")
        {
            Parameters = { new() { Value = $"{options.Value.Timeout.TotalMilliseconds:0}" } },
        });
        batch.BatchCommands.Add(Command(caller, request));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);

        var (nodes, edges, truncated, size) = (new List<RecalledNode>(), new List<RecalledEdge>(), false, 0);
        while (await reader.ReadAsync(cancellationToken))
        {
            var text = reader.GetString(6);
            if ((size += text.Length) > MaxAnswer)
                throw TooLarge($"The answer's properties are more than {MaxAnswer} characters.");
            var (id, type, properties) = (reader.GetString(3), reader.GetString(4), JsonElement.Parse(text));
            var (seq, createdAt) = (reader.GetInt64(7), reader.GetTime(8));
            if (reader.GetInt32(0) == 0)
                nodes.Add(new(id, type, reader.GetInt32(2), properties, seq, createdAt));
            else if (edges.Count < MaxEdges)
                edges.Add(new(id, type, reader.GetString(5), properties, seq, createdAt));
            else
                truncated = true;
            truncated |= reader.GetBoolean(1);
        }
        return new(nodes, edges, truncated);
    }

    private static NpgsqlBatchCommand Command(Caller caller, RecallRequest request) => new(RecallQuery.For(request.Direction))
    {
        Parameters =
        {
            new() { Value = caller.Tenant },
            Texts(request.Start),
            new() { Value = request.Depth },
            Texts(request.EdgeTypes is [] ? null : request.EdgeTypes),
            new() { Value = request.Limit },
            new() { Value = MaxEdges + 1 },
        },
    };

    private static NpgsqlParameter Texts(IReadOnlyList<string>? values) =>
        new() { Value = values?.ToArray() ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    private static ProblemException TooLarge(string reason) => new(
        StatusCodes.Status422UnprocessableEntity, ErrorCodes.RecallTooLarge,
        $"{reason} Ask for less: a smaller depth or limit, fewer starts, some edge types.");
}
