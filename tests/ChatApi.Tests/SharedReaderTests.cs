using System.Diagnostics;
using System.Text;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Reading;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.ChatApi;

/// <summary>Readers of an answer that another replica writes share one poll.</summary>
public sealed class SharedReaderTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Answer_OfAnotherReplica_ReadByThreeHundred_CostsAboutAsMuchAsByOne_AndEachGetsAll()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        await replica.WriteAsync(generation, "Süße 学习 ");
        var stored = new StoredAnswers(replica.Database);
        var reader = replica.Reader(stored);
        var texts = Enumerable.Range(0, 300).Select(_ => new TextWriter()).ToList();
        // From the first byte, from within, and from the end of what there is.
        int[] cursors = [0, Encoding.UTF8.GetByteCount("Süße "), Encoding.UTF8.GetByteCount("Süße 学习 ")];
        var readers = texts.Index().Select(text => Task.Run(
            () => reader.CopyAsync(ChatMachinery.Caller, generation.Id, cursors[text.Index % 3], text.Item, cancel), cancel)).ToList();
        int[] starts = [0, 5, 8]; // in characters
        await Eventually.TrueAsync(() => texts.Index().All(text => text.Index % 3 == 2 || text.Item.Text.EndsWith("学习 ", StringComparison.Ordinal)), "all have what there is");

        // What the service does besides (lease, sweeps) is a few a second.
        using var statements = new StatementCount((string)(await replica.ScalarAsync("SELECT current_database()::text"))!);
        var started = Stopwatch.GetTimestamp();
        await Task.Delay(2500, cancel);
        (statements.Count / Stopwatch.GetElapsedTime(started).TotalSeconds).ShouldBeInRange(0.1, 30);

        await replica.WriteAsync(generation, "🚀 mehr");
        await replica.ExecuteAsync(
            "UPDATE messages SET content = $2, status = 'complete', finish_reason = 'stop' WHERE id = $1",
            generation.Id, "Süße 学习 🚀 mehr");
        await Task.WhenAll(readers);
        foreach (var (index, text) in texts.Index())
        {
            text.Text.ShouldBe("Süße 学习 🚀 mehr"[starts[index % 3]..]);
            text.End!.Status.ShouldBe(AnswerStatus);
        }
    }

    [Fact]
    public async Task Answer_DeletedMeanwhile_EndsItsReaders()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        var reader = replica.Reader(new StoredAnswers(replica.Database));
        var readers = Enumerable.Range(0, 5).Select(_ => reader.CopyAsync(ChatMachinery.Caller, generation.Id, 0, new TextWriter(), cancel)).ToList();
        await Task.Delay(200, cancel);
        await replica.ExecuteAsync("DELETE FROM conversations WHERE id = $1", generation.ConversationId);
        await Task.WhenAll(readers).WaitAsync(Eventually.Limit, cancel);
    }

    private const string AnswerStatus = "complete";

    /// <summary>What one reader was sent.</summary>
    private sealed class TextWriter : IAnswerWriter
    {
        private readonly List<byte> _text = [];

        public string Text
        {
            get
            {
                lock (_text)
                    return Encoding.UTF8.GetString(_text.ToArray());
            }
        }

        public AnswerEnd? End { get; private set; }

        public ValueTask StartAsync(AnswerStart start, CancellationToken cancellationToken) => default;

        public ValueTask DeltaAsync(ReadOnlyMemory<byte> text, int offset, CancellationToken cancellationToken)
        {
            lock (_text)
                _text.AddRange(text.Span);
            return default;
        }

        public ValueTask ThinkingAsync(int length, CancellationToken cancellationToken) => default;

        public ValueTask PingAsync(CancellationToken cancellationToken) => default;

        public ValueTask EndAsync(AnswerEnd end, CancellationToken cancellationToken)
        {
            End = end;
            return default;
        }
    }
}
