using System.Globalization;
using Lyceum.Gateway.Records.Repo;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Records.Graph;

/// <summary>Which way edges are walked.</summary>
public enum Direction { Out, In, Both }

/// <summary><c>GET /api/graph/recall?start=…</c>, checked.</summary>
/// <param name="Start">Where to begin.</param>
/// <param name="Depth">Edges to walk, 0-6; 0: the records alone.</param>
/// <param name="EdgeTypes">Only edges of these; empty: of all.</param>
/// <param name="Limit">Nodes, at most.</param>
internal sealed record RecallRequest(
    IReadOnlyList<string> Start, int Depth, Direction Direction, IReadOnlyList<string> EdgeTypes, int Limit)
{
    private const int MaxStarts = 100;
    private const int MaxTypes = 50;
    private const int MaxDepth = 6;
    private const int MaxLimit = 1000;
    private const int DefaultLimit = 100;

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with every validation error.</exception>
    public static RecallRequest Read(IQueryCollection query)
    {
        var errors = new ValidationErrors();
        var start = Names(query, "start", MaxStarts, AppendValidation.MaxId, errors);
        errors.AddIf(start.Count == 0, "start", "start must name a record.");
        var types = Names(query, "edge_type", MaxTypes, AppendValidation.MaxType, errors);
        var depth = Number(query, "depth", 1, 0, MaxDepth, errors);
        var limit = Number(query, "limit", DefaultLimit, 1, MaxLimit, errors);
        errors.AddIf(limit < start.Count, "limit", $"limit must be at least the number of starts, {start.Count}.");
        var direction = Direction.Out;
        if (query["direction"] is [{ } way])
        {
            errors.AddIf(way is not ("out" or "in" or "both"), "direction", "direction must be out, in or both.");
            direction = way switch { "in" => Direction.In, "both" => Direction.Both, _ => Direction.Out };
        }
        errors.AddIf(query["direction"].Count > 1, "direction", "direction must be given once.");
        errors.ThrowIfAny();
        return new(start, depth, direction, types, limit);
    }

    private static List<string> Names(IQueryCollection query, string parameter, int max, int maxLength, ValidationErrors errors)
    {
        var names = query[parameter].OfType<string>().Distinct().ToList();
        errors.AddIf(names.Count > max, parameter, $"{parameter} may be given {max} times.");
        foreach (var name in names.Take(max))
            AppendValidation.CheckName(parameter, name, maxLength, errors);
        return names;
    }

    private static int Number(IQueryCollection query, string parameter, int absent, int min, int max, ValidationErrors errors)
    {
        if (query[parameter].Count == 0)
            return absent;
        if (query[parameter] is [{ } text] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= min && number <= max)
            return number;
        errors.Add(parameter, $"{parameter} must be a number from {min} to {max}.");
        return max; // no further error because of this one
    }
}
