using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Aspire.Hosting.Testing;
using Lyceum.Contracts;
using Lyceum.Tests.StubModel;
using MassTransit;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>An answer outlives the process that writes it: no token lost, none generated twice.</summary>
[Collection(ChatCollection.Name)]
public sealed class TakeoverTests(SharedSystem system) : IAsyncLifetime
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(90));
    private readonly int _seed = Random.Shared.Next(1, int.MaxValue); // each test its own

    public async ValueTask InitializeAsync()
    {
        _ = system.App;
        await system.UntilUpAsync(_limit.Token);
        await system.Stub.UntilAsync(log => log.Running == 0);
    }

    public async ValueTask DisposeAsync()
    {
        await system.UntilUpAsync(_limit.Token);
        _limit.Dispose();
    }

    public enum Harm { Killed, Stopped, Paused }

    [Theory]
    [InlineData(Harm.Killed)]
    [InlineData(Harm.Stopped)]
    [InlineData(Harm.Paused)]
    public async Task Owner_Gone_TheOtherGoesOnFromTheCommittedOffset(Harm harm)
    {
        using var owning = system.CreateReplicaClient("chat-api");
        using var other = system.CreateReplicaClient("chat-api-2");
        var expected = Text(tokens: 240);
        await using var asked = await owning.AskAsync(Script(tokens: 240, rate: 40));
        await asked.UntilAsync(a => a.Text.Length > 30);
        await using var reading = await other.ResumeAsync(asked.MessageId, 0);
        await reading.UntilAsync(a => a.Text.Length > 60);

        var before = system.State("chat-api");
        system.Signal("chat-api", harm switch { Harm.Killed => "KILL", Harm.Stopped => "TERM", _ => "STOP" });
        // The reader on the other replica notices a pause, and nothing else.
        var slowest = TimeSpan.Zero;
        for (var last = Stopwatch.GetTimestamp(); await reading.NextAsync(_limit.Token) is { } item; last = Stopwatch.GetTimestamp())
        {
            if (item.Type == "delta" && Stopwatch.GetElapsedTime(last) > slowest)
                slowest = Stopwatch.GetElapsedTime(last);
        }
        if (harm == Harm.Paused)
            system.Signal("chat-api", "CONT"); // a zombie now: it finds out that it owns nothing

        reading.Text.ShouldBe(expected);
        reading.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
        slowest.ShouldBeLessThan(TimeSpan.FromSeconds(10)); // 5 s for the takeover, the rest for a busy machine
        system.Stub.Log.Requests.Count(r => r.LastUserMessage.Contains($"seed={_seed} ", StringComparison.Ordinal)).ShouldBe(1);

        await system.StateAsync("chat-api", state => state.IsUp && (harm == Harm.Paused || state.Pid != before.Pid), _limit.Token);
        var stored = (await other.MessagesAsync(asked.ConversationId))[1];
        stored.GetProperty("content").GetString().ShouldBe(expected);
        // And the one that was away serves it too.
        using var back = system.CreateReplicaClient("chat-api");
        await using var again = await back.ResumeAsync(asked.MessageId, asked.Cursor);
        (asked.Text + (await again.ToEndAsync()).Text).ShouldBe(expected);
    }

    [Fact]
    public async Task Question_WhoseOwnerDiedBeforeItAsked_IsAskedByAnother()
    {
        using var chat = system.CreateReplicaClient("chat-api");
        Guid answer;
        // What a replica leaves that is killed between its commit and its request to the engine.
        await using (var database = await system.OpenDatabaseAsync("chatdb"))
        {
            await using var command = new NpgsqlCommand(
                """
                WITH c AS (
                    INSERT INTO conversations (id, tenant, owner, title, created_at, updated_at)
                    VALUES (gen_random_uuid(), 'dev', 'dev', '', now(), now()) RETURNING id),
                q AS (
                    INSERT INTO messages (id, conversation_id, position, role, content, status, created_at, completed_at)
                    SELECT gen_random_uuid(), id, 0, 'user', $1, 'complete', now(), now() FROM c),
                a AS (
                    INSERT INTO messages (id, conversation_id, position, role, content, status, created_at)
                    SELECT gen_random_uuid(), id, 1, 'assistant', '', 'streaming', now() FROM c RETURNING id)
                INSERT INTO generations (id, owner, epoch, engine_url, started_at, stops_on_disconnect)
                SELECT id, gen_random_uuid(), 1, $2, now(), false FROM a RETURNING id
                """, database);
            command.Parameters.Add(new() { Value = Script(tokens: 30, rate: 100) });
            command.Parameters.Add(new() { Value = system.App.GetEndpoint("gpu-engine", "http").ToString() });
            answer = (Guid)(await command.ExecuteScalarAsync(_limit.Token))!;
        }
        await using var reading = await chat.ResumeAsync(answer, 0, _limit.Token);
        (await reading.ToEndAsync()).Text.ShouldBe(Text(tokens: 30));
        reading.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
        system.Stub.Log.Requests.Count(r => r.LastUserMessage == Script(tokens: 30, rate: 100)).ShouldBe(1);
    }

    [Fact]
    public async Task Engine_Killed_AnswerInterruptedPromptlyWithItsPart()
    {
        using var chat = system.CreateReplicaClient("chat-api");
        await using var answer = await chat.AskAsync(Script(tokens: 400, rate: 20));
        await answer.UntilAsync(a => a.Text.Length > 60);
        var started = Stopwatch.GetTimestamp();
        system.Signal("gpu-engine", "KILL");
        await answer.ToEndAsync();
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(15));
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("interrupted");
        answer.End.Data.GetProperty("finish_reason").GetString().ShouldBe("engine_lost");
        Text(tokens: 400).ShouldStartWith(answer.Text);
        (await chat.MessagesAsync(answer.ConversationId))[1].GetProperty("content").GetString().ShouldBe(answer.Text);
    }

    [Theory]
    [InlineData("chat-api")]
    [InlineData("chat-api-2")]
    public async Task Stop_FromAnyReplica_FreesTheEngineAndKeepsThePart(string at)
    {
        using var owning = system.CreateReplicaClient("chat-api");
        using var stopping = system.CreateReplicaClient(at);
        await using var answer = await owning.AskAsync(Script(tokens: 1000, rate: 20));
        await answer.UntilAsync(a => a.Text.Length > 60);

        using var response = await stopping.Http.PostAsync($"/chat/{answer.MessageId}/stop", null, _limit.Token);
        var stopped = await response.Content.ReadFromJsonAsync<JsonElement>(_limit.Token);
        await answer.ToEndAsync();

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        stopped.GetProperty("status").GetString().ShouldBe("stopped");
        stopped.GetProperty("length").GetInt32().ShouldBe(Encoding.UTF8.GetByteCount(answer.Text));
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("stopped");
        await system.Stub.UntilAsync(log => log.Running == 0);

        // Once more, at the other one: it is as it was.
        using var again = await owning.Http.PostAsync($"/chat/{answer.MessageId}/stop", null, _limit.Token);
        (await again.Content.ReadFromJsonAsync<JsonElement>(_limit.Token)).ToString().ShouldBe(stopped.ToString());
        (await stopping.MessagesAsync(answer.ConversationId))[1].GetProperty("content").GetString().ShouldBe(answer.Text);
    }

    /// <summary>SavePartialResponse, over the real broker: another replica stores the end of what the writer cannot.</summary>
    [Fact]
    public async Task Writer_ThatCannotStoreTheEnd_AnotherReplicaDoesWhenAsked()
    {
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");
        var broker = new Uri(system.State("messaging").ConnectionString!);
        var bus = Bus.Factory.CreateUsingRabbitMq(rabbit => rabbit.Host(broker));
        await bus.StartAsync(_limit.Token);
        try
        {
            using var owning = system.CreateReplicaClient("chat-api");
            using var other = system.CreateReplicaClient("chat-api-2");
            await using var asked = await owning.AskAsync(Script(tokens: 400, rate: 20));
            await asked.UntilAsync(a => a.Text.Length > 30);
            await using var reading = await other.ResumeAsync(asked.MessageId, 0);
            await reading.UntilAsync(a => a.Text.Length > 30);
            var (owner, epoch) = await OwnershipAsync(asked.MessageId);

            // A writer that writes nothing any more, yet holds its lease.
            system.Signal("chat-api", "STOP");
            try
            {
                var save = new SavePartialResponse(
                    asked.MessageId, asked.ConversationId, owner, epoch, "interrupted", "engine_lost", null, null);
                for (var i = 0; i < 4; i++) // the two replicas take turns: at least one meets the living one
                    await bus.Publish(save, _limit.Token);
                await reading.ToEndAsync();
            }
            finally
            {
                system.Signal("chat-api", "CONT");
            }
            reading.End!.Data.GetProperty("finish_reason").GetString().ShouldBe("engine_lost");
            (await other.MessagesAsync(asked.ConversationId))[1].GetProperty("content").GetString().ShouldBe(reading.Text);
            Text(tokens: 400).ShouldStartWith(reading.Text);

            // The writer finds that it is over, and can add nothing.
            await asked.ToEndAsync();
            asked.Text.ShouldBe(reading.Text);
            await system.Stub.UntilAsync(log => log.Running == 0);
            (await other.MessagesAsync(asked.ConversationId))[1].GetProperty("content").GetString().ShouldBe(reading.Text);
        }
        finally
        {
            await bus.StopAsync(CancellationToken.None);
        }
    }

    private async Task<(Guid Owner, int Epoch)> OwnershipAsync(Guid message)
    {
        await using var database = await system.OpenDatabaseAsync("chatdb");
        await using var command = new NpgsqlCommand("SELECT owner, epoch FROM generations WHERE id = $1", database);
        command.Parameters.Add(new() { Value = message });
        await using var reader = await command.ExecuteReaderAsync(_limit.Token);
        (await reader.ReadAsync(_limit.Token)).ShouldBeTrue();
        return (reader.GetGuid(0), reader.GetInt32(1));
    }

    [Fact]
    public async Task Stop_UnknownAnswer_NotFound()
    {
        using var chat = system.CreateReplicaClient("chat-api");
        using var response = await chat.Http.PostAsync("/chat/00000000-0000-7000-8000-000000000000/stop", null, _limit.Token);
        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Readers_OnBothReplicas_CutAndResumed_SeeTheSameBytes()
    {
        using var owning = system.CreateReplicaClient("chat-api");
        var expected = Text(tokens: 150);
        await using var asked = await owning.AskAsync(Script(tokens: 150, rate: 30));
        await asked.NextAsync(_limit.Token);
        var random = new Random(7);
        var tabs = Enumerable.Range(0, 6).Select(tab => ReadInPiecesAsync(SharedSystem.Replicas[tab % 2], asked.MessageId, random.Next()));
        foreach (var text in await Task.WhenAll(tabs))
            text.ShouldBe(expected);
        await asked.ToEndAsync();
        asked.Text.ShouldBe(expected);
    }

    private async Task<string> ReadInPiecesAsync(string first, Guid message, int seed)
    {
        var (random, seen, cursor, replica) = (new Random(seed), new StringBuilder(), 0, first);
        while (true)
        {
            using var chat = system.CreateReplicaClient(replica);
            await using var reading = await chat.ResumeAsync(message, cursor);
            var piece = random.Next(1, 60);
            await reading.UntilAsync(a => a.Text.Length >= piece);
            seen.Append(reading.Text);
            cursor = Math.Max(cursor, reading.Cursor);
            if (reading.End is not null)
                return seen.ToString();
            replica = SharedSystem.OtherThan(replica);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Disconnect_UnderTheStopPolicy_EndsAfterTheGraceWithThePart()
    {
        using var chat = system.CreateReplicaClient("chat-api");
        Guid conversation;
        await using (var answer = await chat.AskAsync(Script(tokens: 1000, rate: 20), onDisconnect: "stop"))
        {
            await answer.UntilAsync(a => a.Text.Length > 60);
            conversation = answer.ConversationId;
        }
        await system.Stub.UntilAsync(log => log.Running == 0);
        var stored = await StoredAsync(chat, conversation);
        stored.GetProperty("status").GetString().ShouldBe("interrupted");
        stored.GetProperty("finish_reason").GetString().ShouldBe("client_gone");
        stored.GetProperty("content").GetString()!.Length.ShouldBeGreaterThan(60);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Disconnect_UnderTheStopPolicy_AReaderOnTheOtherReplicaKeepsItGoing()
    {
        using var owning = system.CreateReplicaClient("chat-api");
        using var other = system.CreateReplicaClient("chat-api-2");
        var expected = Text(tokens: 100);
        ChatReading reading;
        await using (var answer = await owning.AskAsync(Script(tokens: 100, rate: 20), onDisconnect: "stop"))
        {
            await answer.UntilAsync(a => a.Text.Length > 10);
            reading = await other.ResumeAsync(answer.MessageId, 0);
            await reading.UntilAsync(a => a.Text.Length > 10);
        }
        await using (reading)
            (await reading.ToEndAsync()).Text.ShouldBe(expected);
    }

    [Fact]
    public async Task IdempotencyKey_SentTwice_AskedOnce()
    {
        using var one = system.CreateReplicaClient("chat-api");
        using var two = system.CreateReplicaClient("chat-api-2");
        var script = Script(tokens: 20, rate: 50);
        var key = Guid.NewGuid().ToString();
        await using var first = await one.AskAsync(script, idempotencyKey: key);
        await first.UntilAsync(a => a.Text.Length > 0);
        await using var second = await two.AskAsync(script, idempotencyKey: key);
        (await second.ToEndAsync()).Text.ShouldBe(Text(tokens: 20));
        (await first.ToEndAsync()).Text.ShouldBe(second.Text);
        second.MessageId.ShouldBe(first.MessageId);
        system.Stub.Log.Requests.Count(r => r.LastUserMessage.Contains($"seed={_seed} ", StringComparison.Ordinal)).ShouldBe(1);

        using var reused = new HttpRequestMessage(HttpMethod.Post, "/chat") { Content = JsonContent.Create(new { message = "another" }) };
        reused.Headers.Add("Idempotency-Key", key);
        using var refused = await one.Http.SendAsync(reused, _limit.Token);
        refused.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await refused.Content.ReadFromJsonAsync<JsonElement>(_limit.Token)).GetProperty("code").GetString().ShouldBe("idempotency_key_reused");
    }

    [Fact]
    public async Task Conversation_CreatedRenamedRead_DeletedWithItsRunningAnswer()
    {
        using var chat = system.CreateReplicaClient("chat-api");
        var created = await (await chat.Http.PostAsJsonAsync("/api/conversations", new { title = "Algebra" }, _limit.Token))
            .Content.ReadFromJsonAsync<JsonElement>(_limit.Token);
        var id = created.GetProperty("id").GetGuid();
        (await chat.Http.PatchAsJsonAsync($"/api/conversations/{id}", new { title = "线性代数" }, _limit.Token)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await chat.Http.GetFromJsonAsync<JsonElement>($"/api/conversations/{id}", _limit.Token)).GetProperty("title").GetString().ShouldBe("线性代数");
        (await chat.Http.PatchAsJsonAsync($"/api/conversations/{id}", new { title = " " }, _limit.Token)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);

        await using var answer = await chat.AskAsync(Script(tokens: 1000, rate: 20), id);
        await answer.UntilAsync(a => a.Text.Length > 20);
        (await chat.Http.DeleteAsync($"/api/conversations/{id}", _limit.Token)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        await answer.ToEndAsync();
        await system.Stub.UntilAsync(log => log.Running == 0);
        (await chat.Http.GetAsync($"/api/conversations/{id}", _limit.Token)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await chat.Http.GetAsync($"/chat/{answer.MessageId}/stream", _limit.Token)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    private string Script(int tokens, int rate) => $"[[stub tokens={tokens} rate={rate} seed={_seed} unicode=1]]";

    private string Text(int tokens) => StubText.Text(_seed, tokens, unicode: true);

    private async Task<JsonElement> StoredAsync(ChatClient chat, Guid conversation)
    {
        while (true)
        {
            var answer = (await chat.MessagesAsync(conversation))[1];
            if (answer.GetProperty("status").GetString() != "streaming")
                return answer;
            await Task.Delay(50, _limit.Token);
        }
    }
}
