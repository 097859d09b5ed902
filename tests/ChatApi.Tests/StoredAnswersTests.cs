using System.Collections.Frozen;
using System.Text;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Reading;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Tests.ChatApi;

/// <summary>What readers elsewhere are given: the same bytes from chunks as from the compacted message, piece by piece.</summary>
public sealed class StoredAnswersTests(PostgresFixture postgres)
{
    private static readonly Caller Owner = new("t", "o", CallerKind.User, FrozenSet<string>.Empty);

    [Fact]
    public async Task Read_RunningThenEnded_SameBytesFromEveryCursor()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var stored = new StoredAnswers(replica.Database);
        var generation = await replica.BeginAsync();
        (await stored.ReadAsync(Owner, generation.Id, 0, default))!.Length.ShouldBe(0);

        // Characters of one to four bytes in chunks of many sizes, so that neither ends where a piece does.
        var chunks = Enumerable.Range(0, 60).Select(i => string.Concat(Enumerable.Repeat(i % 2 == 0 ? "a学🚀é" : "🚀", i * 3 + 1))).ToList();
        chunks.Add(string.Concat(Enumerable.Repeat("学", 12_000)));
        foreach (var chunk in chunks)
            await replica.WriteAsync(generation, chunk);
        var text = string.Concat(chunks);
        var cursors = new[] { 0, Encoding.UTF8.GetByteCount(chunks[0]), Encoding.UTF8.GetByteCount(text[..1000]), Encoding.UTF8.GetByteCount(text) };

        foreach (var cursor in cursors)
            (await ReadAllAsync(stored, generation.Id, cursor)).ShouldBe(Tail(text, cursor));
        await replica.ExecuteAsync("UPDATE messages SET content = $2, status = 'complete', finish_reason = 'stop' WHERE id = $1", generation.Id, text);
        await replica.ExecuteAsync("DELETE FROM generation_chunks WHERE generation_id = $1", generation.Id);
        foreach (var cursor in cursors)
            (await ReadAllAsync(stored, generation.Id, cursor)).ShouldBe(Tail(text, cursor));
    }

    [Fact]
    public async Task Read_CursorPastTheEnd_NoTextButTheLength()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var stored = new StoredAnswers(replica.Database);
        var generation = await replica.BeginAsync();
        await replica.WriteAsync(generation, "short");

        foreach (var cursor in new[] { 6, int.MaxValue })
        {
            var answer = await stored.ReadAsync(Owner, generation.Id, cursor, default);
            (answer!.Text.Length, answer.Length, answer.End).ShouldBe((0, 5, null));
        }
    }

    [Fact]
    public async Task Service_ActingForAPerson_AsksAndReadsAsThatPerson()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var stored = new StoredAnswers(replica.Database);
        var service = new Caller(
            "t", "roadmap-worker", CallerKind.Service, FrozenSet<string>.Empty) { Act = Owner.Subject };

        var asked = await replica.WithQuestionsAsync(questions => questions.RecordQuestionAsync(
            service, new Question(null, "What is light?", false, null), replica.Lease.OwnerId,
            new Uri("http://127.0.0.1:9"), null));

        (await stored.ReadAsync(service, asked.MessageId, 0, default)).ShouldNotBeNull();
        (await stored.ReadAsync(Owner, asked.MessageId, 0, default)).ShouldNotBeNull();
        (await stored.ReadAsync(service with { Act = null }, asked.MessageId, 0, default)).ShouldBeNull();
    }

    private static async Task<string> ReadAllAsync(StoredAnswers stored, Guid id, int cursor)
    {
        var bytes = new List<byte>();
        while (true)
        {
            var answer = (await stored.ReadAsync(Owner, id, cursor, default))!;
            answer.Text.Length.ShouldBeLessThanOrEqualTo(StoredAnswers.MaxText);
            Encoding.UTF8.GetString(answer.Text.Span).ShouldNotContain('\uFFFD'); // whole characters
            bytes.AddRange(answer.Text.Span);
            cursor += answer.Text.Length;
            if (cursor == answer.Length)
                return Encoding.UTF8.GetString([.. bytes]);
            answer.Text.Length.ShouldBePositive();
        }
    }

    private static string Tail(string text, int cursor) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text).AsSpan(cursor));
}
