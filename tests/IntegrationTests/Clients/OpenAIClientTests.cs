using System.Diagnostics;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>Programs written for OpenAI's API, with OpenAI's own client library, pointed at the gateway.</summary>
[Collection(ChatCollection.Name)]
public sealed class OpenAIClientTests(SharedSystem system)
{
    [Fact]
    public async Task NpmClient_ListsModelsAndStreams()
    {
        _ = system.App;
        var folder = Path.Combine(Repository.Root, "tests", "Clients");
        Assert.SkipUnless(File.Exists("/usr/bin/node") || OnPath("node"), "Node.js is not installed");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules", "openai")),
            "the npm package openai is not installed: npm ci in tests/Clients (test.sh does)");

        using var gateway = system.CreateAnonymousClient();
        var start = new ProcessStartInfo("node", ["openai.mjs", new Uri(gateway.BaseAddress!, "/v1").ToString(), system.DevelopmentToken])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["QUESTION"] = "[[stub tokens=25 rate=100 seed=11 unicode=1]]";
        using var node = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = await node.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = await node.StandardError.ReadToEndAsync(limit.Token);
        await node.WaitForExitAsync(limit.Token);
        node.ExitCode.ShouldBe(0, errors);

        var seen = JsonElement.Parse(output);
        var text = StubModel.StubText.Text(11, 25, unicode: true);
        seen.GetProperty("models")[0].GetString().ShouldBe("stub");
        seen.GetProperty("text").GetString().ShouldBe(text);
        seen.GetProperty("whole").GetString().ShouldBe(text);
        seen.GetProperty("chunks").GetInt32().ShouldBeGreaterThan(25); // a chunk a token: streamed, not gathered
        seen.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(25);
        seen.GetProperty("refused").GetProperty("status").GetInt32().ShouldBe(404);
        seen.GetProperty("refused").GetProperty("code").GetString().ShouldBe("model_not_found");
    }

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
