using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine;

/// <summary>
/// One person takes as much of each bound of the engine as it gets; another tenant's person and a classmate are served
/// as if nobody were there.
/// </summary>
public sealed class ShareTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Completions_OnePersonTakesAllItGets_OthersAreAnswered()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxRunning", "16"));
        var greedy = engine.Token("greedy", "gil", kind: "user");
        var running = await FillAsync(() => AskAsync(engine, greedy, "[[stub tokens=5 stall_after=1]]"));
        running.Count.ShouldBe(8);

        foreach (var token in new[] { engine.Token("acme", kind: "user"), engine.Token("greedy", "cleo", kind: "user") })
        {
            using var answer = await AskAsync(engine, token, "[[stub tokens=1]]");
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            using var detached = await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=1]]", token: token);
            detached.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        running.ForEach(response => response.Dispose());
    }

    [Fact]
    public async Task Generations_OnePersonKeepsAllItGets_OthersKeepTheirs()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxKeptGenerations", "10"));
        var (ada, gil) = (engine.Token("acme", kind: "user"), engine.Token("greedy", "gil", kind: "user"));
        var kept = new List<Guid> { Guid.NewGuid(), Guid.NewGuid() };
        foreach (var id in kept)
            await ReadAsync(await engine.DetachAsync(id, "[[stub tokens=3 rate=0]]", token: ada));
        for (var i = 0; i < 30; i++)
            await ReadAsync(await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=3 rate=0]]", token: gil));

        foreach (var id in kept)
            await ReadAsync(await engine.AttachAsync(id, token: ada));

        // Also while everything of the greedy one runs.
        var running = await FillAsync(() => engine.DetachAsync(
            Guid.NewGuid(), "[[stub tokens=5 stall_after=1]]", token: gil));
        running.Count.ShouldBe(5);
        await ReadAsync(await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=3 rate=0]]", token: ada));
        running.ForEach(response => response.Dispose());
    }

    [Fact]
    public async Task Generations_OnePersonFillsAllBytes_OthersKeepTheirs()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxKeptBytes", "20000"));
        var (ada, gil) = (engine.Token("acme", kind: "user"), engine.Token("greedy", "gil", kind: "user"));
        var kept = Guid.NewGuid();
        await ReadAsync(await engine.DetachAsync(kept, "[[stub tokens=100 rate=0]]", token: ada));
        for (var i = 0; i < 20; i++)
            await ReadAsync(await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=600 rate=0]]", token: gil));

        await ReadAsync(await engine.AttachAsync(kept, token: ada));

        // Also by what still runs, which is not evicted.
        var running = new List<HttpResponseMessage>();
        for (var i = 0; i < 8; i++)
            running.Add(await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=600 stall_after=599 rate=0]]", token: gil));
        await Eventually.TrueAsync(
            () => engine.Services.GetRequiredService<Lyceum.GpuEngine.Completions.Detached.GenerationStore>().Usage.Bytes > 20_000,
            "more than may be kept runs");
        await ReadAsync(await engine.AttachAsync(kept, token: ada));
        await ReadAsync(await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=3 rate=0]]", token: ada));
        running.ForEach(response => response.Dispose());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Audio_OnePersonTakesAllItGets_OthersAreHeardAndSpoken(bool hearing)
    {
        await using var engine = await Speech.AudioApiTests.WithSpeechAsync(
            ("Tts:MaxRunning", "8"), ("Asr:MaxRunning", "8"));
        engine.Stub!.Speech.FirstDelay = engine.Stub.Speech.HearingDelay = TimeSpan.FromSeconds(30);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var greedy = engine.Token("greedy", "gil", kind: "user");
        var refused = 0;
        var all = Enumerable.Range(0, 10).Select(_ => SendAsync(greedy)).ToList();
        await Eventually.TrueAsync(() => Task.FromResult(refused == 6), "four of eight run");

        all.Add(SendAsync(engine.Token("acme", kind: "user")));
        all.Add(SendAsync(engine.Token("greedy", "cleo", kind: "user")));
        await Task.Delay(300, Cancel);
        refused.ShouldBe(6);
        await leave.CancelAsync();
        await Task.WhenAll(all);

        async Task SendAsync(string token)
        {
            using var request = hearing
                ? new HttpRequestMessage(HttpMethod.Post, "/v1/audio/transcriptions") { Content = Recording() }
                : new HttpRequestMessage(HttpMethod.Post, "/v1/audio/speech") { Content = JsonContent.Create(new { input = "a" }) };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            try
            {
                using var response = await engine.Client.SendAsync(request, leave.Token);
                if (response.StatusCode is HttpStatusCode.TooManyRequests)
                    Interlocked.Increment(ref refused);
            }
            catch (OperationCanceledException)
            {
                // It ran.
            }
        }
    }

    private static MultipartFormDataContent Recording() =>
        new() { { new ByteArrayContent(new byte[3200]), "file", "a.wav" }, { new StringContent("whisper-1"), "model" } };

    private static async Task<HttpResponseMessage> AskAsync(Engine engine, string token, string message)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(new { stream = true, messages = new[] { new { role = "user", content = message } } }),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return await engine.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    private static async Task ReadAsync(HttpResponseMessage response)
    {
        using (response)
            (await StreamedAnswer.ReadAsync(response)).Done.ShouldBeTrue();
    }

    /// <summary>Until one is refused as an overload must be.</summary>
    private static async Task<List<HttpResponseMessage>> FillAsync(Func<Task<HttpResponseMessage>> ask)
    {
        var taken = new List<HttpResponseMessage>();
        while (true)
        {
            var response = await ask();
            if (response.StatusCode is not HttpStatusCode.OK)
            {
                await response.ShouldBeApiError(429, "overloaded");
                response.Headers.RetryAfter.ShouldNotBeNull();
                return taken;
            }
            taken.Add(response);
        }
    }
}
