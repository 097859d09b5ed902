using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Tests.Support.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>
/// What the database refuses ends the one answer that it belongs to, or waits until the database takes it: the others
/// go on, and nobody's conversation stays busy.
/// </summary>
public sealed class DatabaseFaultTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("22021")]
    [InlineData("22P05")]
    [InlineData("23514")]
    [InlineData("54000")]
    public async Task Text_RefusedForItsData_EndsThatAnswerAlone(string sqlState)
    {
        await using var engine = await ScriptedEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await replica.ExecuteAsync(Refusal.Of("generation_chunks", "NEW.body LIKE '%marked%'", sqlState));

        var stored = engine.HoldSecondPieces();
        var marked = await AskAsync(replica, engine, "shown first|marked and more");
        await Eventually.TrueAsync(async () => await replica.ChunksAsync(marked) == "shown first", "the first piece is stored");
        stored.SetResult();
        var others = new List<Guid>();
        for (var i = 0; i < 8; i++)
            others.Add(await AskAsync(replica, engine, $"answer {i}|, whole"));

        await EndedAsync(replica, marked);
        var (status, reason, content) = await replica.MessageAsync(marked);
        (status, reason).ShouldBe((AnswerStatus.Interrupted, FinishReasons.NotStored));
        content.ShouldBe("shown first");
        for (var i = 0; i < others.Count; i++)
        {
            await EndedAsync(replica, others[i]);
            (await replica.MessageAsync(others[i])).ShouldBe((AnswerStatus.Complete, "stop", $"answer {i}, whole"));
        }
        await Eventually.TrueAsync(() => !replica.Runner.Running.Any(), "nothing runs any more");
    }

    [Theory]
    [InlineData("NEW.finish_reason = 'marked'", "22P05", "all of it")]
    [InlineData("NEW.error::text LIKE '%marked%'", "22021", "all of it")]
    [InlineData("NEW.role = 'assistant' AND NEW.content LIKE '%all of it%'", "54000", "")] // stays in its chunks
    public async Task End_RefusedForItsData_EndsAsNotStored(string condition, string sqlState, string kept)
    {
        await using var engine = await ScriptedEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await replica.ExecuteAsync(Refusal.Of("messages", condition, sqlState));

        var marked = await AskAsync(replica, engine, "all of it", condition.Contains("error") ? "error:marked" : "marked");
        var other = await AskAsync(replica, engine, "another");

        await EndedAsync(replica, marked);
        (await replica.MessageAsync(marked)).ShouldBe((AnswerStatus.Interrupted, FinishReasons.NotStored, kept));
        (await replica.ChunksAsync(marked)).ShouldBe(kept.Length == 0 ? "all of it" : "");
        await EndedAsync(replica, other);
        (await replica.MessageAsync(other)).Status.ShouldBe(AnswerStatus.Complete);
    }

    /// <summary>Nothing is lost, and nothing ends, until the database takes it again.</summary>
    [Theory]
    [InlineData("generation_chunks", "42P01")]
    [InlineData("generation_chunks", "57P03")]
    [InlineData("generation_chunks", "25006")]
    [InlineData("generation_chunks", "XX000")]
    [InlineData("messages", "42501")]
    [InlineData("messages", "40001")]
    [InlineData("messages", "P0001")]
    public async Task Commit_RefusedForAnotherReason_IsKeptAndRetried(string table, string sqlState)
    {
        await using var engine = await ScriptedEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var marked = await AskAsync(replica, engine, "before|marked", beforeAnswer: () => replica.ExecuteAsync(Refusal.Of(
            table, table == "messages" ? "NEW.content LIKE '%marked%'" : "NEW.body LIKE '%marked%'", sqlState)));
        await Eventually.TrueAsync(() => replica.Runner.Find(marked)?.Text.Written == "beforemarked".Length, "it is written");
        if (sqlState is "XX000" or "P0001")
        {
            // Nobody knows why: the others go on meanwhile.
            var other = await AskAsync(replica, engine, "another");
            await EndedAsync(replica, other);
            (await replica.MessageAsync(other)).Status.ShouldBe(AnswerStatus.Complete);
        }
        (await replica.MessageAsync(marked)).Status.ShouldBe(AnswerStatus.Streaming);

        await replica.ExecuteAsync(Refusal.Lifted(table));
        await EndedAsync(replica, marked);
        (await replica.MessageAsync(marked)).ShouldBe((AnswerStatus.Complete, "stop", "beforemarked"));
    }

    /// <summary>A sweep claims many at once: one that the database refuses must not keep the others from their new owner.</summary>
    [Fact]
    public async Task Takeover_RefusedForItsData_LeavesTheOthersAlone()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var dead = Guid.CreateVersion7();
        var (marked, unreadable, other) = (await replica.BeginAsync(), await replica.BeginAsync(), await replica.BeginAsync());
        await replica.ExecuteAsync(Refusal.Of("generations", $"NEW.epoch > 1 AND NEW.id = '{marked.Id}'", "22003"));
        await replica.ExecuteAsync("UPDATE generations SET engine_url = 'no address' WHERE id = $1", unreadable.Id);

        await replica.ExecuteAsync("UPDATE generations SET owner = $1", dead); // who has no lease

        await EndedAsync(replica, unreadable.Id);
        await EndedAsync(replica, other.Id);
        (await replica.MessageAsync(marked.Id)).Status.ShouldBe(AnswerStatus.Streaming);
    }

    /// <summary>What a model server says of itself is stored beside the text: U+0000 and halves of pairs among it.</summary>
    [Theory]
    [InlineData("""{"choices":[{"delta":{"content":"Hi"},"finish_reason":"st\u0000op"}]}""", AnswerStatus.Complete, "st\uFFFDop")]
    [InlineData("""{"error":{"message":"m\u0000\ud800","code":"c\u0000\ud800"}}""", AnswerStatus.Interrupted, "engine_error")]
    public async Task Words_OfAModelServer_WithU0000_EndTheAnswer(string data, string status, string reason)
    {
        await using var engine = await ScriptedEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await AskAsync(replica, engine, "raw:" + data);
        await EndedAsync(replica, asked);
        var message = await replica.MessageAsync(asked);
        message.Reason.ShouldBe(reason);
        message.Status.ShouldBe(status);
    }

    private static async Task<Guid> AskAsync(
        ChatMachinery replica, ScriptedEngine engine, string answer, string finish = "stop", Func<Task>? beforeAnswer = null)
    {
        var asked = await replica.RecordAsync(new(null, $"{answer}#{finish}", false, null), replica.Lease.OwnerId, null, engine.Address);
        if (beforeAnswer is not null)
            await beforeAnswer();
        replica.Start(asked.Order!);
        return asked.MessageId;
    }

    private static Task EndedAsync(ChatMachinery replica, Guid message) => Eventually.TrueAsync(
        async () => (await replica.MessageAsync(message)).Status != AnswerStatus.Streaming, "the answer has ended");

    /// <summary>An engine that answers with the question: its text in pieces, apart in time, and its finish reason.</summary>
    private sealed class ScriptedEngine(WebApplication app) : IAsyncDisposable
    {
        private Task _secondPieces = Task.CompletedTask;

        public Uri Address { get; } = new(app.Urls.First());

        /// <summary>Answers stop after their first piece until the result is set.</summary>
        public TaskCompletionSource HoldSecondPieces()
        {
            var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _secondPieces = held.Task;
            return held;
        }

        public static async Task<ScriptedEngine> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            app.MapGet("/v1/generations/{id}", () => Results.Json(
                new { error = new { code = "generation_not_found", message = "not here" } }, statusCode: 404));
            app.MapDelete("/v1/generations/{id}", () => Results.NoContent());
            var engine = default(ScriptedEngine);
            app.MapPost("/v1/chat/completions", (JsonElement body, HttpResponse response) => engine!.AnswerAsync(body, response));
            await app.StartAsync(TestContext.Current.CancellationToken);
            return engine = new(app);
        }

        private async Task AnswerAsync(JsonElement body, HttpResponse response)
        {
            var asked = body.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!.Split('#');
            response.ContentType = "text/event-stream";
            if (asked[0].StartsWith("raw:", StringComparison.Ordinal))
            {
                await SayAsync("""{"choices":[{"delta":{"content":"begun "}}]}""");
                await SayAsync(asked[0]["raw:".Length..]);
                return;
            }
            foreach (var piece in asked[0].Split('|'))
            {
                await SayAsync(JsonSerializer.Serialize(new { choices = new[] { new { delta = new { content = piece } } } }));
                await Task.Delay(100); // a commit each
                await _secondPieces;
            }
            await SayAsync(asked[1].StartsWith("error:", StringComparison.Ordinal)
                ? JsonSerializer.Serialize(new { error = new { message = asked[1], code = "upstream_failed" } })
                : JsonSerializer.Serialize(new { choices = new[] { new { delta = new { }, finish_reason = asked[1] } } }));

            async Task SayAsync(string data)
            {
                await response.WriteAsync($"data: {data}\n\n");
                await response.Body.FlushAsync();
            }
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
