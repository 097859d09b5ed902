using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using Lyceum.Tests.IntegrationTests.Browser;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>What docs/examples.md shows works as it stands, also while the cable is cut under it.</summary>
[Collection(ChatCollection.Name)]
public sealed class ExampleTests(SharedSystem system) : IDisposable
{
    private const int Tokens = 60;
    private const string Password = "a quiet afternoon";

    private readonly CancellationTokenSource _limit = new(SystemFixture.Limit);
    private readonly int _seed = Random.Shared.Next(1, int.MaxValue); // each test its own
    private readonly string _username = $"reader-{Guid.NewGuid():N}";

    private string Question => $"[[stub tokens={Tokens} rate=40 seed={_seed} unicode=1]]";

    private string Answer => StubText.Text(_seed, Tokens, unicode: true);

    public void Dispose() => _limit.Dispose();

    [Fact]
    public void CSharpExample_OnThePage_IsTheOneThatIsRun()
    {
        var source = File.ReadAllText(Path.Combine(Repository.Root, "tests", "IntegrationTests", "Clients", "CSharpExample.cs"));
        var begin = source.IndexOf("// begin\n", StringComparison.Ordinal) + "// begin\n".Length;
        var lines = source[begin..source.IndexOf("        // end\n", StringComparison.Ordinal)].Split('\n');

        ExamplePage.CSharp().ShouldBe(string.Join('\n', lines.Select(line => line.Length > 8 ? line[8..] : line)));
    }

    [Theory]
    [InlineData("python3", "ask.py")]
    [InlineData("node", "ask.mjs")]
    public async Task Program_CutOffTwice_ShowsTheWholeAnswerOnce(string program, string file)
    {
        var gateway = await RegisterAsync();
        await using var cable = new Relay(gateway);

        var run = ExamplePage.RunAsync(program, file, cable.Address, Environment(), _limit.Token);
        await CutTwiceAsync(cable, run);

        (await run).ShouldBe(Answer);
        AskedOnce();
    }

    [Fact]
    public async Task CSharp_CutOffTwice_ShowsTheWholeAnswerOnce()
    {
        var gateway = await RegisterAsync();
        await using var cable = new Relay(gateway);
        await using var shown = new StringWriter(CultureInfo.InvariantCulture);

        var run = CSharpExample.RunAsync(cable.Address, _username, Password, Question, shown);
        await CutTwiceAsync(cable, run);
        await run.WaitAsync(_limit.Token);

        shown.ToString().ShouldBe(Answer);
        AskedOnce();
    }

    [Fact]
    public async Task Curl_LeavingAndComingBack_ReadsTheRest()
    {
        var gateway = await RegisterAsync();

        var said = await ExamplePage.RunAsync("bash", "ask.sh", gateway, Environment(), _limit.Token);

        var first = said.Split('\n', 2);
        var read = int.Parse(first[0].Split("the first ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
        read.ShouldBeGreaterThan(0);
        first[1].ShouldBe(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(Answer).AsSpan(read)));
        AskedOnce();
    }

    private async Task<Uri> RegisterAsync()
    {
        _ = system.App;
        using var anonymous = system.CreateAnonymousClient();
        using var registered = await anonymous.PostAsJsonAsync("/api/auth/register", new { username = _username, password = Password }, _limit.Token);
        registered.EnsureSuccessStatusCode();
        return anonymous.BaseAddress!;
    }

    private Dictionary<string, string> Environment() => new()
    {
        ["LYCEUM_USERNAME"] = _username, ["LYCEUM_PASSWORD"] = Password, ["QUESTION"] = Question,
    };

    /// <summary>Each time after some more of the stream has come; a program that has ended by then was quick.</summary>
    private static async Task CutTwiceAsync(Relay cable, Task run)
    {
        for (var cut = 0; cut < 2; cut++)
        {
            var before = cable.Received;
            await Eventually.TrueAsync(() => run.IsCompleted || cable.Received > before + 1500, "something is read");
            cable.Cut();
            cable.Restore();
        }
    }

    private void AskedOnce() => system.Stub.Log.Requests
        .Count(request => request.LastUserMessage.Contains($"seed={_seed} ", StringComparison.Ordinal)).ShouldBe(1);
}
