using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Records.Repo;

/// <summary><c>POST /api/repo/append</c>: all of it is recorded, or nothing.</summary>
public sealed record AppendRequest(IReadOnlyList<RecordRequest?>? Records = null, IReadOnlyList<EdgeRequest?>? Edges = null);

/// <param name="Id">The client's own; makes the append idempotent.</param>
/// <param name="Type">Absent: <c>record</c>.</param>
/// <param name="Properties">A JSON object; absent: empty.</param>
public sealed record RecordRequest(string? Id, string? Type = null, JsonElement? Properties = null);

/// <param name="From">Id of a record of this request, or of one appended earlier.</param>
/// <param name="To">As <paramref name="From"/>.</param>
public sealed record EdgeRequest(string? From, string? To, string? Type, JsonElement? Properties = null);

/// <summary>A record, checked.</summary>
/// <param name="Properties">JSON.</param>
internal sealed record NewRecord(string Id, string Type, string Properties);

/// <summary>An edge, checked.</summary>
/// <param name="Properties">JSON.</param>
internal sealed record NewEdge(string From, string Type, string To, string Properties);

/// <summary>Turns a request into rows, or reports every validation error.</summary>
internal static class AppendValidation
{
    public const int MaxId = 128;
    public const int MaxType = 64;
    private const int MaxRecords = 1000;
    private const int MaxEdges = 5000;
    private const int MaxProperties = 64 * 1024; // bytes of JSON
    private const string DefaultType = "record";

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with every validation error.</exception>
    public static (List<NewRecord> Records, List<NewEdge> Edges) Check(AppendRequest request)
    {
        var errors = new ValidationErrors();
        var (records, edges) = (request.Records ?? [], request.Edges ?? []);
        errors.AddIf(records.Count + edges.Count == 0, "records", "There must be a record or an edge.");
        errors.AddIf(records.Count > MaxRecords, "records", $"records must have at most {MaxRecords} entries.");
        errors.AddIf(edges.Count > MaxEdges, "edges", $"edges must have at most {MaxEdges} entries.");
        errors.ThrowIfAny();

        var newRecords = records.Select((record, i) => Check(record, $"records[{i}]", errors)).ToList();
        var newEdges = edges.Select((edge, i) => Check(edge, $"edges[{i}]", errors)).ToList();
        CheckDistinct(newRecords, record => record.Id, i => $"records[{i}].id", errors);
        CheckDistinct(newEdges, edge => (edge.From, edge.Type, edge.To), i => $"edges[{i}]", errors);
        errors.ThrowIfAny();
        return (newRecords, newEdges);
    }

    private static NewRecord Check(RecordRequest? record, string path, ValidationErrors errors)
    {
        CheckName($"{path}.id", record?.Id, MaxId, errors);
        if (record?.Type is not null)
            CheckName($"{path}.type", record.Type, MaxType, errors);
        return new(record?.Id ?? "", record?.Type ?? DefaultType,
            StoredJson.Check($"{path}.properties", record?.Properties, MaxProperties, errors));
    }

    private static NewEdge Check(EdgeRequest? edge, string path, ValidationErrors errors)
    {
        CheckName($"{path}.from", edge?.From, MaxId, errors);
        CheckName($"{path}.to", edge?.To, MaxId, errors);
        CheckName($"{path}.type", edge?.Type, MaxType, errors);
        return new(edge?.From ?? "", edge?.Type ?? "", edge?.To ?? "",
            StoredJson.Check($"{path}.properties", edge?.Properties, MaxProperties, errors));
    }

    /// <summary>An id or a type: 1 to <paramref name="max"/> characters, none of them a control character.</summary>
    public static void CheckName(string path, string? name, int max, ValidationErrors errors) => errors.AddIf(
        string.IsNullOrEmpty(name) || name.Length > max || name.Any(char.IsControl), path,
        $"{path} must have 1 to {max} characters, none of them a control character.");

    private static void CheckDistinct<T, TKey>(List<T> items, Func<T, TKey> key, Func<int, string> path, ValidationErrors errors)
    {
        var seen = new HashSet<TKey>();
        foreach (var (i, item) in items.Index())
            errors.AddIf(!seen.Add(key(item)), path(i), $"{path(i)} is in this request twice.");
    }
}
