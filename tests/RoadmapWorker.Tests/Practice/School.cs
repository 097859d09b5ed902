using System.Net;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.Tests.RoadmapWorker.Tests.Models;
using Lyceum.Tests.RoadmapWorker.Tests.Roadmaps;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>A worker with a teacher (ada), students, and what SessionApi and ChatApi would say of them.</summary>
internal sealed class School : IAsyncDisposable
{
    private static readonly Guid Class = Guid.CreateVersion7();

    private School(TestWorker worker, KnowledgeServer others) => (Worker, Others) = (worker, others);

    public TestWorker Worker { get; }
    public KnowledgeServer Others { get; }
    public Guid ClassId => Class;

    /// <param name="model">Null: none is connected.</param>
    public static async Task<School> StartAsync(
        PostgresFixture postgres, ILanguageModel? model = null, params (string Key, string Value)[] settings)
    {
        var others = await KnowledgeServer.StartAsync();
        (string, string)[] all =
        [
            ("services:session-api:http:0", others.Url), ("services:chat-api:http:0", others.Url), ("Jobs:Backoff", "00:00:00.010"), .. settings,
        ];
        return new(
            await TestWorker.StartAsync(
                await postgres.CreateDatabaseAsync(), model: model ?? new ScriptedModel { Connected = false }, settings: all),
            others);
    }

    /// <summary>A roadmap of somebody, made from the catalogue.</summary>
    public async Task<Roadmap> RoadmapAsync(string subject = "ada", string query = "Python web", string language = "en")
    {
        var accepted = await Worker.JsonAsync(HttpMethod.Post, "/api/v1/roadmaps/generate", RoadmapTests.Request(query, language), subject);
        var task = accepted.GetProperty("task_id").GetGuid();
        await Worker.UntilAsync(task, JobStatus.Completed);
        return JobJson.Read<Roadmap>(
            (await Worker.JsonAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/result", subject: subject)).GetRawText());
    }

    /// <summary>Asks for a set, and waits until it is made.</summary>
    public async Task<JsonElement> SetAsync(object from, string role = "owner", string subject = "ada", int count = 8)
    {
        var id = await OrderAsync(from, role, subject, count);
        await Worker.UntilAsync(id, JobStatus.Completed);
        return (await Worker.AsAsync(role, subject, HttpMethod.Get, $"/api/practice/sets/{id}")).Json;
    }

    public async Task<Guid> OrderAsync(object from, string role = "owner", string subject = "ada", int count = 8)
    {
        var (status, accepted) = await Worker.AsAsync(role, subject, HttpMethod.Post, "/api/practice/sets", new { from, count });
        status.ShouldBe(HttpStatusCode.Accepted, accepted.ToString());
        return accepted.GetProperty("task_id").GetGuid();
    }

    /// <summary>Shares it with the class, of which somebody is a student.</summary>
    public void Share(string kind, Guid id, string with = "bea", string owner = "ada") =>
        Others.Shares.Add((with, kind, id.ToString(), owner, Class));

    public Task<(HttpStatusCode Status, JsonElement Json)> AnswerAsync(
        Guid item, object body, string role = "owner", string subject = "ada", string? key = null) =>
        Worker.AsAsync(role, subject, HttpMethod.Post, $"/api/practice/items/{item}/attempts", body, key: key);

    public async Task<List<JsonElement>> DueAsync(string role = "owner", string subject = "ada") =>
    [
        .. (await Worker.AsAsync(role, subject, HttpMethod.Get, "/api/practice/due?limit=100")).Json.GetProperty("items").EnumerateArray(),
    ];

    /// <summary>Makes everything of a person due, as if days had gone by.</summary>
    public Task<object?> LetDaysGoByAsync(string subject, int days) => Worker.ScalarAsync(
        "UPDATE practice_cards SET due = due - make_interval(days => $2), last_review = last_review - make_interval(days => $2) WHERE subject = $1",
        subject, days);

    public async ValueTask DisposeAsync()
    {
        await Worker.DisposeAsync();
        await Others.DisposeAsync();
    }
}

/// <summary>A model that answers as a test says; the number counts its questions from 1.</summary>
internal sealed class WritingModel(Func<FakeQuestion, int, string> answer) : FakeModel
{
    private int _asked;

    public List<FakeQuestion> Asked { get; } = [];

    public override Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken) => Task.FromResult(true);

    public override Task<FakeReply> AskAsync(FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken)
    {
        lock (Asked)
            Asked.Add(question);
        return Task.FromResult(new FakeReply(answer(question, Interlocked.Increment(ref _asked)), 100, 50));
    }

    /// <summary>Three items on the passages of <see cref="KnowledgeServer"/>.</summary>
    public static string Items(Func<object[], object[]>? bend = null)
    {
        object[] items =
        [
            new
            {
                kind = "choice", question = "How is the thumb held?", options = new[] { "Bent", "Straight" }, answers = new[] { "Bent" },
                explanation = "A bent thumb is soft.", rubric = "", passage = 1, quote = "Hold the bow with a bent thumb.",
            },
            new
            {
                kind = "cloze", question = "Hold the bow with a bent ____.", options = Array.Empty<string>(), answers = new[] { "thumb", "pouce" },
                explanation = "", rubric = "", passage = 1, quote = "Hold the bow with a bent thumb.",
            },
            new
            {
                kind = "short", question = "At which angle is it drawn?", options = Array.Empty<string>(), answers = new[] { "at a right angle" },
                explanation = "", rubric = "Right angle: full. Perpendicular says the same.", passage = 2,
                quote = "Draw it at a right angle",
            },
        ];
        return JsonSerializer.Serialize(new { items = bend?.Invoke(items) ?? items });
    }
}
