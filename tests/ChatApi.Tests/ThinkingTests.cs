using System.Text;
using System.Threading.Channels;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Reading;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>A model's reasoning: told by its length once that is stored, kept apart, never part of the answer.</summary>
public sealed class ThinkingTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Reasoning_BeforeTheAnswer_IsKeptApartAndToldByItsLength()
    {
        await using var engine = await Engine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, null, new Uri(engine.Address));
                var generation = replica.Start(asked.Order!);

        engine.Say("""{"reasoning_content":"Let me see: "}""");
        await Eventually.TrueAsync(() => generation.Thought == 12, "the first of it is told");
        (await ThinkingAsync(replica, asked.MessageId)).ShouldBe("Let me see: ");
        engine.Say("""{"reasoning_content":"学\u0000"}""");
        engine.Say("""{"content":"Hi"}""");
        engine.Finish();

        await Eventually.TrueAsync(() => replica.Runner.Find(asked.MessageId) is null, "it has ended");
        (await replica.MessageAsync(asked.MessageId)).ShouldBe((AnswerStatus.Complete, "stop", "Hi"));
        var message = (await replica.MessagesAsync(asked.ConversationId))[1];
        message.Thinking.ShouldBe("Let me see: 学\uFFFD");
        var stored = await new StoredAnswers(replica.Database).ReadAsync(ChatMachinery.Caller, asked.MessageId, 0, default);
        stored!.Thought.ShouldBe(Encoding.UTF8.GetByteCount(message.Thinking!));
    }

    [Fact]
    public async Task Reasoning_ThatCannotBeStored_IsNotTold()
    {
        await using var engine = await Engine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, null, new Uri(engine.Address));
                var generation = replica.Start(asked.Order!);

        await using (var connection = await replica.Database.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("SELECT 1 FROM messages FOR UPDATE", connection);
            await hold.ExecuteNonQueryAsync();
            engine.Say("""{"reasoning_content":"hm"}""");
            await Eventually.TrueAsync(async () => (long)(await replica.ScalarAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%thinking%'"))! >= 1,
                "it waits for the row");
            generation.Thought.ShouldBe(0);
            await transaction.RollbackAsync();
        }

        await Eventually.TrueAsync(() => generation.Thought == 2, "it is told");
        engine.Finish();
        await Eventually.TrueAsync(() => replica.Runner.Find(asked.MessageId) is null, "it has ended");
    }

    [Fact]
    public async Task Reasoning_LongerThanTheFirstTokenMayTake_DoesNotTimeOut()
    {
        await using var engine = await Engine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), ("Answers:FirstToken", "00:00:01"));
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, null, new Uri(engine.Address));
                var generation = replica.Start(asked.Order!);

        for (var i = 1; i <= 4; i++)
        {
            engine.Say("""{"reasoning_content":"hm"}""");
            await Task.Delay(500, TestContext.Current.CancellationToken); // what is tested is time itself
        }
        engine.Say("""{"content":"Hi"}""");
        engine.Finish();

        await Eventually.TrueAsync(() => replica.Runner.Find(asked.MessageId) is null, "it has ended");
        (await replica.MessageAsync(asked.MessageId)).ShouldBe((AnswerStatus.Complete, "stop", "Hi"));
        generation.Thought.ShouldBe(8);
    }

    [Fact]
    public async Task Reasoning_OfAnAnswerThatAnotherTakesOver_GoesOnWhereItWas()
    {
        await using var engine = await Engine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var dead = Guid.CreateVersion7();
        await replica.ExecuteAsync("INSERT INTO owners VALUES ($1, clock_timestamp() + interval '1 second')", dead);
        var asked = await replica.RecordAsync(new(null, "?", false, null), dead, null, new Uri(engine.Address));
        await replica.ExecuteAsync("UPDATE messages SET thinking = 'hm' WHERE id = $1", asked.MessageId);
        engine.Say("""{"reasoning_content":", yes"}""");
        engine.Say("""{"content":"Hi"}""");
        engine.Finish();

        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(asked.MessageId)).Status != AnswerStatus.Streaming, "another has written it");

        (await ThinkingAsync(replica, asked.MessageId)).ShouldBe("hm, yes");
        engine.Attached.ShouldBe("?after=0&thinking_after=2");
    }

    private static async Task<string?> ThinkingAsync(ChatMachinery replica, Guid id) =>
        await replica.ScalarAsync("SELECT thinking FROM messages WHERE id = $1", id) as string;

    /// <summary>An engine that says what the test says.</summary>
    private sealed class Engine(WebApplication app) : IAsyncDisposable
    {
        private readonly Channel<string> _events = Channel.CreateUnbounded<string>();

        public string Address => app.Urls.First();

        /// <summary>The query of the request that went on reading.</summary>
        public string? Attached { get; private set; }

        public static async Task<Engine> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var engine = new Engine(app);
            app.MapPost("/v1/chat/completions", engine.SendAsync);
            app.MapGet("/v1/generations/{id}", http =>
            {
                engine.Attached = http.Request.QueryString.Value;
                return engine.SendAsync(http);
            });
            app.MapDelete("/v1/generations/{id}", () => Results.NoContent());
            await app.StartAsync();
            return engine;
        }

        public void Say(string delta) =>
            _events.Writer.TryWrite($$"""{"choices":[{"index":0,"delta":{{delta}},"finish_reason":null}]}""");

        public void Finish()
        {
            _events.Writer.TryWrite("""{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            _events.Writer.TryWrite("[DONE]");
        }

        private async Task SendAsync(HttpContext http)
        {
            http.Response.ContentType = "text/event-stream";
            for (var data = ""; data != "[DONE]";)
            {
                data = await _events.Reader.ReadAsync(http.RequestAborted);
                await http.Response.WriteAsync($"data: {data}\n\n", http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
            }
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
