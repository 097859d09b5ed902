using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Knowledge;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Counts the reading processes of this one: nothing else may start one meanwhile.</summary>
[CollectionDefinition(nameof(DocumentReaderTests), DisableParallelization = true)]
public sealed class DocumentReaderCollection;

/// <summary>Reading a document is bounded in time, and really ends.</summary>
[Collection(nameof(DocumentReaderTests))]
public sealed class DocumentReaderTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private static readonly CancellationToken Test = TestContext.Current.CancellationToken;

    /// <summary>15 s of CPU time, where nothing ends it.</summary>
    private static readonly string Slow = string.Concat(Enumerable.Repeat("[a](", 40_000));

    public static TheoryData<string, string> Hostile => new()
    {
        { "text/markdown", Slow },
        { "text/markdown", string.Concat(Enumerable.Repeat("![a](<", 60_000)) },
        { "text/markdown", string.Concat(Enumerable.Repeat("*a **b ", 60_000)) },
        { "text/markdown", string.Concat(Enumerable.Range(0, 40_000).Select(i => $"{new string('`', i % 300)} ")) },
        { "text/markdown", string.Concat(Enumerable.Repeat("[^a]", 60_000)) },
        { "text/html", $"<p {string.Concat(Enumerable.Range(0, 60_000).Select(i => $"a{i} "))}>" },
        { "text/html", string.Concat(Enumerable.Repeat("<table><b>", 20_000)) },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task HostileDocument_IsReadOrRefused_WithinItsTime(string mediaType, string content)
    {
        using var reader = Reader(TimeSpan.FromMilliseconds(500));
        using var reading = await reader.BeginAsync("t", Test);
        var thrown = await Record.ExceptionAsync(
            () => reading.ReadAsync(mediaType, "a", content, Test).WaitAsync(Eventually.Limit, Test));
        (thrown is null or ProblemException { Status: 400 }).ShouldBeTrue($"{thrown?.GetType()}: {thrown?.Message}");
    }

    [Fact]
    public async Task SlowDocument_IsRefused_AndTheNextIsRead()
    {
        using var reader = Reader(TimeSpan.FromSeconds(2)); // a new process compiles its code in it
        var reading = await reader.BeginAsync("t", Test);
        var refused = await Should.ThrowAsync<ProblemException>(() => reading.ReadAsync("text/markdown", "a.md", Slow, Test));
        refused.Status.ShouldBe(400);
        refused.Message.ShouldContain("Knowledge:MaxReadingTime");
        var text = string.Concat(Enumerable.Repeat("# Herons\nA heron stands in the reeds.\n", 1000));
        var read = await reading.ReadAsync("text/markdown", "a.md", text, Test);
        read.Count.ShouldBe(1000);
        read[^1].ShouldBe(DocumentProgram.Read("text/markdown", "a.md", text)[^1]);
        Readers().ShouldHaveSingleItem();
        reading.Dispose();
        await GoneAsync();
    }

    /// <summary>The largest document that is read in the service itself.</summary>
    [Fact]
    public void SmallDocument_AtItsWorst_TakesLittle()
    {
        DocumentProgram.Read("text/markdown", "a.md", "[a](warm"); // what the compiler takes is not measured
        var took = Stopwatch.StartNew();
        DocumentProgram.Read("text/markdown", "a.md", Slow[..DocumentReader.Small]);
        took.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(3)); // 40 ms on an idle machine
    }

    [Fact]
    public async Task Client_ThatLeaves_EndsTheReading()
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(tenant: "t-leaves", scope: "tutors");
        (await sessions.SendAsync(HttpMethod.Put, "/api/kb/slow", new { }, token)).IsSuccessStatusCode.ShouldBeTrue();
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Test);
        var first = UploadAsync(sessions, "slow", token, leaving.Token);
        var second = UploadAsync(sessions, "slow", token, leaving.Token);
        await Until(() => Readers().Count > 0);
        await Task.Delay(500, Test);
        Readers().ShouldHaveSingleItem("a tenant reads one document at a time");

        // Another tenant's is read meanwhile.
        var other = fixture.Identity.Token(tenant: "t-other", scope: "tutors");
        (await sessions.SendAsync(HttpMethod.Put, "/api/kb/quick", new { }, other)).IsSuccessStatusCode.ShouldBeTrue();
        (await UploadAsync(sessions, "quick", other, Test, string.Concat(Enumerable.Repeat("A heron.\n\n", 2000))))
            .ShouldBe(HttpStatusCode.Created);

        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => Task.WhenAll(first, second));
        await GoneAsync();
    }

    private static DocumentReader Reader(TimeSpan limit) => new(Options.Create(new KnowledgeOptions { MaxReadingTime = limit }));

    private static async Task<HttpStatusCode> UploadAsync(
        TestSessions sessions, string kbId, string token, CancellationToken cancellationToken, string? text = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/kb/{kbId}/documents?name=a.md")
        {
            Content = new StringContent(text ?? Slow, Encoding.UTF8, "text/markdown"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await sessions.Client.SendAsync(request, cancellationToken);
        return response.StatusCode;
    }

    private static Task GoneAsync() => Until(() => Readers().Count == 0);

    private static async Task Until(Func<bool> condition)
    {
        for (var waited = Stopwatch.StartNew(); !condition();)
        {
            waited.Elapsed.ShouldBeLessThan(Eventually.Limit);
            await Task.Delay(20, Test);
        }
    }

    /// <summary>The reading processes that this one started.</summary>
    private static List<int> Readers()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "reads /proc");
        return [.. Directory.GetDirectories("/proc").Select(Path.GetFileName)
            .Where(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .Where(name => IsReader(name!)).Select(name => int.Parse(name!, CultureInfo.InvariantCulture))];
    }

    private static bool IsReader(string pid)
    {
        try
        {
            var parent = File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1].Split(' ')[1];
            return parent == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                && File.ReadAllText($"/proc/{pid}/cmdline").Contains(DocumentProgram.Command, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // it ended meanwhile
        }
    }
}
