using Lyceum.Contracts;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.GpuEngine.Sessions;

public sealed class TranscriptLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-transcripts-").FullName;
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<TranscriptMetrics>().BuildServiceProvider();

    [Fact]
    public async Task Log_CutAtAnyByteOfItsLastRecord_KeepsTheOthers()
    {
        await using (var log = await OpenAsync())
        {
            await log.AppendAsync("s", "one", "two");
        }
        var before = new FileInfo(LastFile()).Length;
        await using (var log = await OpenAsync())
        {
            await log.AppendAsync("s", "三 — the last one");
        }
        var file = LastFile();
        var whole = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);

        for (var length = before; length <= whole.Length; length++)
        {
            await File.WriteAllBytesAsync(file, whole[..(int)length], TestContext.Current.CancellationToken);
            string[] kept = length == whole.Length ? ["one", "two", "三 — the last one"] : ["one", "two"];
            await using (var log = await OpenAsync())
            {
                log.Texts().ShouldBe(kept);
                await log.AppendAsync("s", "next");
            }
            await using (var log = await OpenAsync())
            {
                log.Texts().ShouldBe([.. kept, "next"]);
                log.Turns().Select(t => t.Record.Seq).ShouldBe(Enumerable.Range(1, kept.Length + 1).Select(n => (long)n));
            }
        }
    }

    [Fact]
    public async Task Log_WithAFlippedBit_IsCutThere()
    {
        await using (var log = await OpenAsync())
        {
            await log.AppendAsync("s", "one", "two", "three");
        }
        var whole = await File.ReadAllBytesAsync(LastFile(), TestContext.Current.CancellationToken);
        var second = whole.AsSpan().IndexOf("two"u8);
        whole[second] ^= 1;
        await File.WriteAllBytesAsync(LastFile(), whole, TestContext.Current.CancellationToken);

        await using var again = await OpenAsync();
        again.Texts().ShouldBe(["one"]);
    }

    [Fact]
    public async Task Log_ManySessions_ShareCommitsAndAreNumberedWithoutAGap()
    {
        await using var log = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 50).Select(s => Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                await log.AppendAsync($"s{s}", $"{i}");
            }
        })));

        var turns = log.Turns();
        turns.Count.ShouldBe(1_000);
        foreach (var session in turns.GroupBy(t => t.SessionId))
        {
            session.Select(t => t.Record.Seq).ShouldBe(Enumerable.Range(1, 20).Select(n => (long)n));
            session.Select(t => t.Record.Text).ShouldBe(Enumerable.Range(0, 20).Select(n => $"{n}"));
        }
    }

    [Fact]
    public async Task Log_AcknowledgedFiles_AreDeletedAndTheRestIsThereAfterARestart()
    {
        await using (var log = await OpenAsync(segment: 4096))
        {
            log.Log.KeepUntilAcknowledged();
            for (var i = 0; i < 100; i++)
            {
                await log.AppendAsync(i % 2 == 0 ? "a" : "b", new string('x', 500));
            }
            var files = Files().Length;
            files.ShouldBeGreaterThan(10);

            log.Log.Acknowledge([new("a", 50)]).ShouldBeTrue();
            log.Log.Acknowledge([new("a", 50)]).ShouldBeFalse();
            Files().Length.ShouldBe(files); // b's records stand between
            log.Log.Acknowledge([new("b", 40)]).ShouldBeTrue();
            Files().Length.ShouldBeLessThan(files);
            log.Turns().Select(t => (t.SessionId, t.Record.Seq)).ShouldBe(Enumerable.Range(41, 10).Select(n => ("b", (long)n)));
        }
        await using var again = await OpenAsync(segment: 4096);
        again.Turns().Where(t => t.SessionId == "b").Select(t => t.Record.Seq).TakeLast(10).ShouldBe(Enumerable.Range(41, 10).Select(n => (long)n));
        await again.AppendAsync("b", "next");
        again.Turns()[^1].Record.Seq.ShouldBe(51);
    }

    /// <summary>
    /// A session that ends may have a queued record: it must get the next number, or its receiver takes it for an old
    /// one.
    /// </summary>
    [Fact]
    public async Task Closed_WithAQueuedRecord_KeepsItsNumber()
    {
        await using var log = await OpenAsync(segment: 4096);
        log.Log.KeepUntilAcknowledged();
        var count = 0;
        for (; log.Log.Bytes < 4096; count++)
        {
            await log.AppendAsync("s", new string('x', 500));
        }
        log.Log.Acknowledge([new("s", count)]).ShouldBeTrue(); // all of its file, which is full, and stays as the only one

        using var inNextFile = new SemaphoreSlim(0);
        using var goOn = new ManualResetEventSlim();
        log.Log.Append("other", "dev", "ada", new SessionTurnRecord(0, 1, "user", DateTimeOffset.UtcNow, "y"), _ =>
        {
            inNextFile.Release();
            goOn.Wait(TimeSpan.FromSeconds(10)); // the writer's thread
        });
        await inNextFile.WaitAsync(TestContext.Current.CancellationToken);
        var last = log.AppendAsync("s", "bye");
        log.Log.Closed("s");
        goOn.Set();

        (await last).ShouldBeTrue();
        log.Turns().Single(turn => turn.SessionId == "s").Record.Seq.ShouldBe(count + 1);
    }

    [Fact]
    public async Task Log_FullWithoutAForwarder_DropsTheOldest()
    {
        await using var log = await OpenAsync(segment: 4096, max: 64 * 1024);
        for (var i = 0; i < 300; i++)
        {
            (await log.AppendAsync("s", new string('x', 500))).ShouldBeTrue();
        }
        log.Log.Bytes.ShouldBeLessThan(72 * 1024);
        log.Turns()[^1].Record.Seq.ShouldBe(300);
    }

    [Fact]
    public async Task Log_FullWithAForwarder_RecordsNothingUntilAcknowledged()
    {
        await using var log = await OpenAsync(segment: 4096, max: 64 * 1024);
        log.Log.KeepUntilAcknowledged();
        var written = 0;
        while (await log.AppendAsync("s", new string('x', 500)))
        {
            written++;
        }
        log.Log.Error.ShouldNotBeNull();
        (await log.AppendAsync("s", "no")).ShouldBeFalse();

        log.Log.Acknowledge([new("s", written / 2)]).ShouldBeTrue();
        (await log.AppendAsync("s", "yes")).ShouldBeTrue();
        log.Log.Error.ShouldBeNull();
        log.Turns()[^1].Record.Seq.ShouldBe(written + 1); // the rejected ones took no number
    }

    [Fact]
    public async Task Log_FolderInUse_FailsToStart()
    {
        await using var log = await OpenAsync();
        await Should.ThrowAsync<IOException>(OpenAsync());
    }

    public void Dispose()
    {
        _services.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string[] Files() => [.. Directory.GetFiles(_folder, "*.log").Order()];

    private string LastFile() => Files()[^1];

    private async Task<OpenLog> OpenAsync(int segment = 1024 * 1024, long max = 1024 * 1024 * 1024)
    {
        var log = new TranscriptLog(
            Options.Create(new TranscriptOptions { Folder = _folder, SegmentBytes = segment, MaxBytes = max }),
            _services.GetRequiredService<TranscriptMetrics>(), TimeProvider.System, NullLogger<TranscriptLog>.Instance);
        try
        {
            await log.StartAsync(TestContext.Current.CancellationToken);
        }
        catch
        {
            log.Dispose();
            throw;
        }
        return new OpenLog(log);
    }

    private sealed record OpenLog(TranscriptLog Log) : IAsyncDisposable
    {
        public async Task<bool> AppendAsync(string session, params string[] texts)
        {
            var recorded = true;
            foreach (var text in texts)
            {
                var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
                Log.Append(session, "dev", "ada", new SessionTurnRecord(0, 1, "delta", DateTimeOffset.UtcNow, text), done.SetResult);
                recorded &= await done.Task;
            }
            return recorded;
        }

        public List<LoggedTurn> Turns()
        {
            var turns = new List<LoggedTurn>();
            var place = default(LogPlace);
            while (Log.Read(place, 1024, turns.Add) is var next && next != place)
            {
                place = next;
            }
            return turns;
        }

        public IEnumerable<string> Texts() => Turns().Select(turn => turn.Record.Text);

        public async ValueTask DisposeAsync()
        {
            await Log.StopAsync(TestContext.Current.CancellationToken);
            Log.Dispose();
        }
    }
}
