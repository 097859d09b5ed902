using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Contracts;
using Lyceum.Tests.Support;
using MassTransit;
using MassTransit.Serialization;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>
/// Messages wait in queues while a system is upgraded, and replicas of two versions run side by side: this version reads what
/// each release sent, and sends every member that the release reads. <c>LYCEUM_RECORD=release</c> writes the file of the present
/// version, once, when it is released.
/// </summary>
public sealed class ReleasedMessagesTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "ServiceDefaults.Tests", "releases");
    private static readonly JsonSerializerOptions Json = SystemTextJsonMessageSerializer.Options;

    /// <summary>One of each message, every member set.</summary>
    private static readonly object[] Messages =
    [
        new ResponseFinished(Id(1), Id(2), "complete", 42),
        new SavePartialResponse(Id(1), Id(2), Id(3), 4, "interrupted", "owner_lost", "{\"completion_tokens\":1}", "{\"status\":502}", "[]"),
        new RecordSessionTurns([new SessionTurns("engine.1", "tenant", "owner", [
            new(1, 1, "user", At, "What is 学习?"),
            new(2, 1, "delta", At, "It is", Then: [" to", " learn"]),
            new(5, 1, "end", At, Status: "complete", FinishReason: "stop", Length: 14, Citations: "[]")])]),
        new SessionTurnsRecorded([new RecordedSession("engine.1", 5)]),
        new GenerateRoadmap(Id(5)),
        new RoadmapStatusChanged(Id(5), "tenant", "subject", "running", "design", 50, 3),
        new ExecuteCollab(Id(6)),
        new CollabStatusChanged(Id(6), "tenant", "subject", "running", "turn_1", 25, 2),
        new MakePracticeSet(Id(7)),
        new PracticeSetStatusChanged(Id(7), "tenant", "subject", "running", "write", 40, 2),
        new ToolVersionActivated("tenant", "v2"),
    ];

    private static DateTimeOffset At => new(2026, 11, 30, 12, 0, 0, TimeSpan.FromHours(8));

    [Fact]
    public void Message_EachOfTheContracts_IsAmongThem()
    {
        // A message is what is not a part of another one.
        var types = typeof(ResponseFinished).Assembly.GetExportedTypes().Where(type => type.GetMethod("<Clone>$") is not null).ToList();
        var parts = types.SelectMany(type => type.GetProperties()).Select(property => property.PropertyType)
            .SelectMany(type => type.GetGenericArguments()).ToHashSet();
        Messages.Select(message => message.GetType()).ShouldBe(types.Where(type => !parts.Contains(type)), ignoreOrder: true);
    }

    [Fact]
    public void Message_OfARelease_IsReadAndSentWhole()
    {
        if (Environment.GetEnvironmentVariable("LYCEUM_RECORD") == "release")
            Record();
        var releases = Directory.GetFiles(Folder, "messages-*.json");
        releases.ShouldNotBeEmpty();
        foreach (var release in releases)
        {
            foreach (var (urn, recorded) in JsonNode.Parse(File.ReadAllText(release))!.AsObject())
            {
                var type = Messages.Select(message => message.GetType()).SingleOrDefault(type => MessageUrn.ForTypeString(type) == urn);
                type.ShouldNotBeNull($"{urn} of {release} is sent no more: it may still wait in a queue");
                var read = JsonSerializer.Deserialize(recorded!.ToJsonString(), type, Json);
                ShouldHold(JsonSerializer.SerializeToNode(read, type, Json), recorded, urn);
            }
        }
    }

    /// <summary>The other way: a replica of the last release reads what this version sends, however little of it is said.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Message_OfThisVersion_IsReadByTheLastRelease(bool smallest)
    {
        foreach (var message in Messages)
        {
            if (Released(message.GetType().Name) is not { } released)
                continue; // it came later: the release has no consumer of it
            var sent = JsonSerializer.SerializeToNode(message, message.GetType(), Json);
            if (smallest)
                ReleasedContracts.MakeSmallest(message.GetType(), sent, Json);

            ReleasedContracts.Missing(released, sent, Json, released.Name).ShouldBeEmpty();
            var read = JsonSerializer.Deserialize(sent!.ToJsonString(), released, Json);
            // What it understood is what was said, and unknown members did not disturb it.
            if (!smallest)
                ShouldHold(sent, JsonSerializer.SerializeToNode(read, released, Json), released.Name);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Message_OfTheLastRelease_HasWhatThisVersionNeeds(bool smallest)
    {
        foreach (var type in Messages.Select(message => message.GetType()))
        {
            if (Released(type.Name) is not { } released)
                continue;
            var sent = Recorded()[MessageUrn.ForTypeString(type)]!.DeepClone();
            if (smallest)
                ReleasedContracts.MakeSmallest(released, sent, Json);

            ReleasedContracts.Missing(type, sent, Json, type.Name).ShouldBeEmpty();
            JsonSerializer.Deserialize(sent.ToJsonString(), type, Json).ShouldNotBeNull();
        }
    }

    /// <summary>The copy of the declarations is the release's: it writes what was recorded of it, no member more or less.</summary>
    [Fact]
    public void Contracts_OfTheLastRelease_WriteWhatWasRecorded()
    {
        var recorded = Recorded();
        foreach (var (urn, message) in recorded)
        {
            var released = Released(urn.Split(':')[^1]).ShouldNotBeNull(urn);
            var written = JsonSerializer.SerializeToNode(JsonSerializer.Deserialize(message!.ToJsonString(), released, Json), released, Json);
            JsonNode.DeepEquals(written, message).ShouldBeTrue($"{urn}: {written?.ToJsonString()}");
        }
    }

    private static Type? Released(string name) =>
        typeof(Lyceum.Released.V010.ResponseFinished).Assembly.GetType($"Lyceum.Released.V010.{name}");

    private static JsonObject Recorded() => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "messages-0.1.0.json")))!.AsObject();

    /// <summary>Every member recorded is there, with its value; others may have come.</summary>
    private static void ShouldHold(JsonNode? now, JsonNode? then, string where)
    {
        if (then is JsonObject members)
        {
            foreach (var (name, value) in members)
                ShouldHold((now as JsonObject)?[name], value, $"{where}.{name}");
        }
        else if (then is JsonArray items)
        {
            (now as JsonArray)?.Count.ShouldBe(items.Count, where);
            for (var i = 0; i < items.Count; i++)
                ShouldHold((now as JsonArray)?[i], items[i], $"{where}[{i}]");
        }
        else
            JsonNode.DeepEquals(now, then).ShouldBeTrue($"{where}: {now?.ToJsonString() ?? "null"}, was {then?.ToJsonString() ?? "null"}");
    }

    private static void Record()
    {
        var all = new JsonObject(Messages.Select(message => KeyValuePair.Create(
            MessageUrn.ForTypeString(message.GetType()), JsonSerializer.SerializeToNode(message, message.GetType(), Json))));
        Directory.CreateDirectory(Folder);
        var version = typeof(ResponseFinished).Assembly.GetName().Version!.ToString(3);
        File.WriteAllText(
            Path.Combine(Folder, $"messages-{version}.json"), all.ToJsonString(new(Json) { WriteIndented = true }) + "\n");
    }

    private static Guid Id(int number) => new(number, 0, 0, new byte[8]);
}
