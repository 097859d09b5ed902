using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lyceum.DataFolder;
using Microsoft.Extensions.Hosting;

namespace Lyceum.AppHost.Supervision;

/// <summary>What <c>state.json</c> says about one resource.</summary>
/// <param name="State">Aspire's word: <c>Waiting</c>, <c>Running</c>, <c>Exited</c>, …</param>
/// <param name="Health"><c>healthy | degraded | unhealthy</c>; null for what has no health checks.</param>
/// <param name="Pid">The service's own process.</param>
/// <param name="Pids">With its direct children, or the script that runs it.</param>
/// <param name="ConnectionString">With its password: the file is its owner's alone.</param>
internal sealed record ResourceState(
    string Name,
    string Type,
    string State,
    string? Health,
    int? Pid,
    IReadOnlyList<int> Pids,
    ImmutableArray<string> Urls,
    string? ConnectionString,
    int Restarts);

/// <summary>
/// <c>DIR/state.json</c>, for people, scripts and tests: one JSON document, in which each resource has a line of its
/// own, so that tools without a JSON parser can read it too. Replaced as a whole, and only when it changes.
/// </summary>
internal sealed class StateFile(House house, IHostEnvironment environment)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // urls and connection strings as they are
    };

    private string? written;

    /// <param name="status"><c>starting | healthy | degraded | stopping</c></param>
    public void Write(string status, IReadOnlyCollection<ResourceState> resources)
    {
        var document = new StringBuilder("{\n");
        void Line(string name, object? value) =>
            document.Append("  \"").Append(name).Append("\": ").Append(JsonSerializer.Serialize(value, Json)).Append(",\n");
        Line("status", status);
        Line("apphost_pid", Environment.ProcessId);
        Line("apphost_started", ProcessTree.StartTime(Environment.ProcessId));
        Line("environment", environment.EnvironmentName);
        Line("data", house.Folder);
        document.Append("  \"resources\": [\n    ")
            .AppendJoin(",\n    ", resources.Select(resource => JsonSerializer.Serialize(resource, Json)))
            .Append("\n  ]\n}\n");

        var text = document.ToString();
        if (text == written)
            return;
        AtomicFile.Write(house.PathOf("state.json"), text);
        written = text;
    }
}
