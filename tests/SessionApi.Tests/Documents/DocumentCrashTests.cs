using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Documents;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>What was answered is stored: killed at any moment, each file is read, once.</summary>
public sealed class DocumentCrashTests(PostgresFixture postgres, ITestOutputHelper output) : IDisposable
{
    private static readonly CancellationToken Test = TestContext.Current.CancellationToken;

    private readonly IdentityFolder _identity = new("gateway", "session-api");

    public void Dispose() => _identity.Dispose();

    [Fact]
    public Task Service_KilledWhileFilesAreUploadedAndRead_LosesNoneAndReadsNoneTwice() => KillAsync(rounds: 1, seed: 7);

    [Fact]
    [Trait("Category", "Long")]
    public Task Service_KilledManyTimes_LosesNoneAndReadsNoneTwice() => KillAsync(rounds: 25, seed: 1);

    private async Task KillAsync(int rounds, int seed)
    {
        var random = new Random(seed);
        var database = await postgres.CreateDatabaseAsync();
        // The newest version of each file that was answered; a later one that was not answered may be there instead.
        var (answered, sent) = (new Dictionary<string, int>(), new Dictionary<string, List<int>>());
        for (var round = 0; round < rounds; round++)
        {
            await using (var victim = await SessionProcess.StartAsync(_identity, database))
            {
                var teacher = await DocumentClient.CreateAsync(victim.Address, _identity, "crash");
                var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var uploading = UploadAllAsync(teacher, round, answered, sent, first);
                await Task.WhenAny(first.Task, uploading);
                await Task.Delay(random.Next(0, 2000), Test);
                await victim.KillAsync();
                await uploading;
            }
            await using var next = await SessionProcess.StartAsync(_identity, database);
            await CheckAsync(await DocumentClient.CreateAsync(next.Address, _identity, "crash"), answered, sent);
            output.WriteLine($"round {round}: {answered.Count} files");
        }
        answered.ShouldNotBeEmpty();
    }

    private static async Task UploadAllAsync(
        DocumentClient teacher, int round, Dictionary<string, int> answered, Dictionary<string, List<int>> sent,
        TaskCompletionSource first)
    {
        for (var i = 0; i < 8; i++)
        {
            var name = i % 2 == 0 ? $"{i}.pdf" : $"{i}.docx";
            var version = (round * 8) + i;
            // Every other one takes a second to read.
            string[] pages = [.. Enumerable.Range(0, i % 4 == 0 ? 200 : 2).Select(page => $"Version {version} of page {page}.")];
            (sent.TryGetValue(name, out var versions) ? versions : sent[name] = []).Add(version);
            try
            {
                using var response = await teacher.PostAsync(name, i % 2 == 0 ? Pdfs.Of(pages) : Offices.Docx(pages));
                if (response.StatusCode == HttpStatusCode.Accepted)
                    answered[name] = version;
                first.TrySetResult();
            }
            catch (HttpRequestException)
            {
                return; // it is dead
            }
        }
    }

    private static async Task CheckAsync(
        DocumentClient teacher, Dictionary<string, int> answered, Dictionary<string, List<int>> sent)
    {
        List<JsonElement> documents = [];
        await Eventually.TrueAsync(async () =>
        {
            documents = await teacher.DocumentsAsync();
            return documents.TrueForAll(document => document.GetProperty("status").GetString() is "ready" or "failed");
        }, "all files are read", 90);

        documents.Select(document => document.GetProperty("status").GetString()).ShouldAllBe(status => status == "ready");
        var names = documents.Select(document => document.GetProperty("name").GetString()!).ToList();
        names.ShouldBeUnique();
        names.ShouldBeSubsetOf(sent.Keys);
        answered.Keys.ShouldBeSubsetOf(names);
        foreach (var document in documents)
        {
            var name = document.GetProperty("name").GetString()!;
            var content = await teacher.ContentAsync(document.GetProperty("id").GetGuid());
            var version = int.Parse(content.Split("Version ")[1].Split(' ')[0]);
            var oldest = answered.GetValueOrDefault(name, -1);
            sent[name].Where(v => v >= oldest).ShouldContain(version, name);
            var pages = content.Split($"Version {version} of page ").Length - 1;
            pages.ShouldBe(version % 4 == 0 ? 200 : 2, name); // once each
            answered[name] = version; // it is there now
        }
    }

    /// <summary>Printed, for a machine that does nothing else: see docs/knowledge.md.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task OtherRequests_WhileHostileFilesAreRead_GoOn()
    {
        await using var service = await SessionProcess.StartAsync(_identity, await postgres.CreateDatabaseAsync());
        var teacher = await DocumentClient.CreateAsync(service.Address, _identity);
        using var lesson = await teacher.PostAsync("lesson.md", "# Herons\nA heron stands in the reeds."u8.ToArray());
        lesson.StatusCode.ShouldBe(HttpStatusCode.Created);
        await MeasureAsync(teacher, () => Task.Delay(TimeSpan.FromSeconds(5), Test)); // compiles the code
        var quiet = await MeasureAsync(teacher, () => Task.Delay(TimeSpan.FromSeconds(20), Test));

        var ended = new List<string>();
        var meanwhile = await MeasureAsync(teacher, async () =>
        {
            var attacker = await DocumentClient.CreateAsync(service.Address, _identity);
            var ids = new List<Guid>();
            for (var i = 0; i < HostileFile.Count / 5; i++)
            {
                var file = HostileFile.Of(i);
                var kind = Lyceum.SessionApi.Knowledge.DocumentFiles.KindOf(file.MediaType).ToLowerInvariant();
                using var response = await attacker.PostAsync($"{i}.{kind}", file.Content);
                response.StatusCode.ShouldBe(HttpStatusCode.Accepted);
                ids.Add((await response.JsonAsync()).GetProperty("id").GetGuid());
            }
            foreach (var id in ids)
            {
                var document = await attacker.EndAsync(id, 300);
                ended.Add($"{document.GetProperty("status")} {document.GetProperty("failure")}");
            }
        });
        output.WriteLine($"search p99: quiet {quiet.P99:0.0} ms of {quiet.Count}, meanwhile {meanwhile.P99:0.0} ms of {meanwhile.Count}");
        foreach (var result in ended.CountBy(result => result))
            output.WriteLine($"{result.Value} × {result.Key}");
        ended.ShouldAllBe(result => result == "ready " || result.StartsWith("failed document_"));
    }

    private static async Task<(double P99, int Count)> MeasureAsync(DocumentClient teacher, Func<Task> meanwhile)
    {
        var times = new List<double>();
        var work = meanwhile();
        while (!work.IsCompleted)
        {
            var started = Stopwatch.GetTimestamp();
            (await teacher.SearchAsync("heron")).Count.ShouldBe(1);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            await Task.Delay(10, Test);
        }
        await work;
        times.Sort();
        return (times[(int)(times.Count * 0.99)], times.Count);
    }
}
