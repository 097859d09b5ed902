using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Record first, then show.</summary>
public sealed class TranscriptTests
{
    /// <summary>Made by hand, or by a version before this one.</summary>
    [Fact]
    public async Task Folder_MadeBeforehand_IsClosedToOthers_AndWhatIsWrittenThere()
    {
        if (OperatingSystem.IsWindows())
            return; // there are no such modes
        const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        var parent = Directory.CreateTempSubdirectory("lyceum-made-").FullName;
        var folder = Directory.CreateDirectory(Path.Combine(parent, "transcripts")).FullName;
        try
        {
            var old = Path.Combine(folder, "000000000001.log");
            await File.WriteAllBytesAsync(old, [], TestContext.Current.CancellationToken);
            File.SetUnixFileMode(folder, Owners | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            File.SetUnixFileMode(old, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
            await using (var engine = await SessionEngine.StartAsync(("Engine:Transcripts:Folder", folder)))
            {
                await using var client = await engine.ConnectAsync(await engine.CreateAsync());
                await client.SayAsync("Hello");
                await client.UntilAsync("text");

                File.GetUnixFileMode(folder).ShouldBe(Owners);
                foreach (var file in Directory.GetFiles(folder))
                    File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
            }
        }
        finally
        {
            Directory.Delete(parent, recursive: true);
        }
    }

    [Fact]
    public async Task Event_SeenByAClient_IsOnDiskBefore()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.SayAsync("[[stub tokens=30 rate=300 seed=6 unicode=1]]");
        var shown = "";
        while (await client.NextAsync() is { } next && LyceumV1Tests.Type(next) is var type && type != "latency_report")
        {
            if (type is "delta")
            {
                shown += LyceumV1Tests.Content(next);
                Recorded(engine).Where(r => r.Record.Kind is "delta").Select(r => r.Record.Text).Aggregate("", string.Concat).ShouldStartWith(shown);
            }
            else
            {
                Recorded(engine).ShouldContain(r => r.Record.Kind == (type == "accepted" ? "user" : "end"));
            }
        }

        var records = Recorded(engine);
        records.ShouldAllBe(r => r.SessionId == made.SessionId && r.Tenant == "dev" && r.Owner == "ada" && r.Record.Turn == 1);
        records.Select(r => r.Record.Seq).ShouldBe(Enumerable.Range(1, 32).Select(n => (long)n));
        var end = records[^1].Record;
        (end.Status, end.FinishReason, end.Length).ShouldBe(("complete", "stop", Encoding.UTF8.GetByteCount(shown)));
    }

    [Fact]
    public async Task Turn_Interrupted_RecordsTheLengthThatCounts()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SayAsync("[[stub tokens=1000 rate=300]]");
        await client.UntilAsync("delta");
        await client.SayAsync("[[stub tokens=1 rate=0]]");
        var kept = LyceumV1Tests.Content(await client.UntilAsync("interrupted"))!;
        await client.UntilAsync("text");

        var end = Recorded(engine).Single(r => r.Record is { Kind: "end", Turn: 1 }).Record;
        (end.Status, end.FinishReason, end.Length).ShouldBe(("interrupted", "barge_in", Encoding.UTF8.GetByteCount(kept)));
    }

    [Fact]
    public async Task Turn_NotRecorded_IsNotShown()
    {
        await using var engine = await SessionEngine.StartAsync(
            ("Engine:Transcripts:SegmentBytes", "4096"), ("Engine:Transcripts:MaxBytes", "65536"));
        var log = engine.Services.GetRequiredService<TranscriptLog>();
        log.KeepUntilAcknowledged();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.SayAsync("[[stub tokens=2000 rate=0 seed=1]]");
        var seen = new List<JsonElement>();
        (await client.UntilAsync("error", seen)).GetProperty("code").GetString().ShouldBe("transcript_unavailable");
        var shown = string.Concat(seen.Where(e => LyceumV1Tests.Type(e) == "delta").Select(LyceumV1Tests.Content));
        string.Concat(Recorded(engine).Select(r => r.Record.Kind == "delta" ? r.Record.Text : "")).ShouldStartWith(shown);
        using (var health = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken))
        {
            (await health.JsonAsync()).GetProperty("checks").GetProperty("transcripts").GetProperty("status").GetString().ShouldBe("degraded");
        }
        await engine.Stub.UntilAsync(stub => stub.Running == 0);

        // The records are acknowledged, and the session goes on.
        log.Acknowledge([new(made.SessionId, long.MaxValue)]).ShouldBeTrue();
        await client.SayAsync("[[stub tokens=1 rate=0 seed=2]]");
        LyceumV1Tests.Content(await client.UntilAsync("text")).ShouldBe(StubText.Text(2, 1, unicode: false));
    }

    /// <summary>The process is killed while fifty sessions speak: all that their clients saw is in its log.</summary>
    [Fact]
    public async Task Kill9_WithFiftyRunningTurns_LosesNothingSeen()
    {
        await using var stub = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        await using var engine = await EngineProcess.StartAsync(stub);
        var clients = new List<(SessionAddress Address, Client Client, StringBuilder Seen)>();
        for (var i = 0; i < 50; i++)
        {
            var address = await engine.CreateAsync();
            var client = await Client.ConnectAsync(address.EngineUrl, "lyceum.v1");
            await client.SayAsync($"[[stub tokens=10000 rate=50 seed={i}]]");
            clients.Add((address, client, new StringBuilder()));
        }
        var reading = clients.Select(async talk =>
        {
            try
            {
                while (await talk.Client.NextAsync() is { } next)
                {
                    if (LyceumV1Tests.Type(next) is "delta")
                    {
                        talk.Seen.Append(LyceumV1Tests.Content(next));
                    }
                }
            }
            catch (WebSocketException)
            {
                talk.Client.Kill(); // the engine died
            }
        }).ToList();
        await Eventually.TrueAsync(
            () => Task.FromResult(clients.TrueForAll(talk => talk.Seen.Length > 200)), "all fifty are speaking", seconds: 60);

        engine.Kill();
        await Task.WhenAll(reading);

        var left = engine.Recorded().Where(r => r.Record.Kind == "delta").GroupBy(r => r.SessionId)
            .ToDictionary(g => g.Key, g => string.Concat(g.Select(r => r.Record.Text)));
        for (var i = 0; i < clients.Count; i++)
        {
            var seen = clients[i].Seen.ToString();
            StubText.Text(i, 10_000, unicode: false).ShouldStartWith(seen);
            left[clients[i].Address.SessionId].ShouldStartWith(seen);
        }
    }

    private static List<LoggedTurn> Recorded(SessionEngine engine) => Recorded(engine.Transcripts);

    internal static List<LoggedTurn> Recorded(string folder)
    {
        var turns = new List<LoggedTurn>();
        foreach (var file in Directory.GetFiles(folder, "*.log").Order())
        {
            // The engine has it open for writing.
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            ReadOnlySpan<byte> left = bytes;
            while (TranscriptFrame.TryRead(ref left, out var turn))
            {
                turns.Add(turn);
            }
        }
        return turns;
    }
}
