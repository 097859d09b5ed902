using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.Jobs;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary><c>POST /api/collab/execute</c>.</summary>
/// <param name="Task">What the roles are to work on.</param>
/// <param name="Roles">In the order of their turns; absent or empty: planner, tutor, critic.</param>
/// <param name="Rounds">How often each role has its turn; absent: 1.</param>
/// <param name="Context">Any JSON that the roles are to know, such as a text or notes; it is echoed.</param>
/// <param name="MaxTokens">Of one turn; absent: 800.</param>
/// <param name="TutorId">Whose knowledge base the roles are to rest on, unless <paramref name="KbId"/> names another.</param>
/// <param name="KbId">A knowledge base that the roles are to rest on, by its slug.</param>
public sealed record ExecuteRequest(
    string? Task, IReadOnlyList<RoleRequest?>? Roles = null, int? Rounds = null, JsonElement? Context = null, int? MaxTokens = null,
    int? TutorId = null, string? KbId = null);

/// <summary>A role; in JSON also its bare name.</summary>
/// <param name="Name"><c>planner | tutor | critic</c>, or one of the caller's own.</param>
/// <param name="Instructions">What it does; needed for a role of the caller's own.</param>
[JsonConverter(typeof(RoleRequestConverter))]
public sealed record RoleRequest(string? Name, string? Instructions = null);

/// <summary><c>"critic"</c> is <c>{"name": "critic"}</c>.</summary>
public sealed class RoleRequestConverter : JsonConverter<RoleRequest>
{
    public override RoleRequest? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return new(reader.GetString());
        var role = JsonSerializer.Deserialize<Whole>(ref reader, options);
        return role is null ? null : new(role.Name, role.Instructions);
    }

    public override void Write(Utf8JsonWriter writer, RoleRequest value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, new Whole(value.Name, value.Instructions), options);

    private sealed record Whole(string? Name, string? Instructions = null);
}

/// <summary>What is to be done, checked and complete: the task's input.</summary>
/// <param name="Given">JSON, as the caller gave it; null if nothing.</param>
/// <param name="KbId">Once it is recorded, the tutor's if the request names none.</param>
public sealed record CollabOrder(
    string Task, IReadOnlyList<CollabRole> Roles, int Rounds, int MaxTokens, string? Given, int? TutorId = null, string? KbId = null)
{
    [JsonIgnore]
    public int Turns => Rounds * Roles.Count;

    /// <summary>Whose turn it is.</summary>
    /// <param name="turn">1, 2, 3, …</param>
    public CollabRole RoleOf(int turn) => Roles[(turn - 1) % Roles.Count];

    public int RoundOf(int turn) => ((turn - 1) / Roles.Count) + 1;
}

/// <param name="Instructions">To the model that speaks for it.</param>
public sealed record CollabRole(string Name, string Instructions);

/// <summary>Turns a request into an order, or reports all its validation errors.</summary>
public static class CollabValidation
{
    private const int MaxTask = 4000;
    private const int MaxRoles = 6;
    private const int MaxRounds = 5;
    private const int MaxName = 40;
    private const int MaxInstructions = 1000;
    private const int MaxGiven = 16_000; // characters of JSON
    private const int MinTokens = 16;
    private const int MaxTokens = 4096;
    private const int DefaultTokens = 800;

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with all that is wrong.</exception>
    public static CollabOrder Check(ExecuteRequest request)
    {
        var faults = new ValidationErrors();
        faults.CheckText("task", request.Task, MaxTask, required: true);
        faults.AddIf(request.Rounds is < 1 or > MaxRounds, "rounds", $"rounds must be from 1 to {MaxRounds}.");
        faults.AddIf(request.MaxTokens is < MinTokens or > MaxTokens, "max_tokens", $"max_tokens must be from {MinTokens} to {MaxTokens}.");
        var roles = CheckRoles(request.Roles ?? [], faults);
        var given = CheckGiven(request.Context, faults);
        faults.ThrowIfAny();
        return new(request.Task!.Trim(), roles is [] ? Roles.Default : roles, request.Rounds ?? 1, request.MaxTokens ?? DefaultTokens, given,
            request.TutorId, request.KbId);
    }

    private static List<CollabRole> CheckRoles(IReadOnlyList<RoleRequest?> roles, ValidationErrors faults)
    {
        faults.AddIf(roles.Count > MaxRoles, "roles", $"roles must have 1 to {MaxRoles} entries.");
        var checkedRoles = new List<CollabRole>();
        foreach (var (role, i) in roles.Take(MaxRoles).Select((role, i) => (role, i)))
        {
            var field = $"roles[{i}]";
            var name = role?.Name ?? "";
            faults.AddIf(name.Length is 0 or > MaxName || !name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-'),
                $"{field}.name", $"name must have 1 to {MaxName} letters, digits, _ or -.");
            faults.AddIf(checkedRoles.Exists(other => other.Name == name), $"{field}.name", $"The name {name} is used twice.");
            faults.CheckText($"{field}.instructions", role?.Instructions, MaxInstructions);
            var instructions = string.IsNullOrWhiteSpace(role?.Instructions) ? Roles.InstructionsOf(name) : role.Instructions.Trim();
            faults.AddIf(instructions is null, $"{field}.instructions",
                $"A role other than {string.Join(", ", Roles.Default.Select(known => known.Name))} needs instructions.");
            checkedRoles.Add(new(name, instructions ?? ""));
        }
        return checkedRoles;
    }

    private static string? CheckGiven(JsonElement? context, ValidationErrors faults)
    {
        if (context is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } given)
            return null;
        try
        {
            var text = JobJson.Write(given);
            faults.AddIf(text.Length > MaxGiven, "context", $"context must have at most {MaxGiven} characters.");
            return text;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or JsonException)
        {
            faults.Add("context", "context must hold valid Unicode."); // half a surrogate pair
            return null;
        }
    }
}
