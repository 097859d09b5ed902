using System.Diagnostics;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>The example that clients of live sessions have, in Node with the package <c>ws</c>, through the gateway.</summary>
[Collection(ChatCollection.Name)]
public sealed class SessionExampleTests(SharedSystem system)
{
    [Fact]
    public async Task Example_AsItStands_CreatesConnectsAndIsAnswered()
    {
        _ = system.App;
        Assert.SkipUnless(Directory.Exists(Path.Combine(SessionExample.Folder, "node_modules", "ws")),
            "the npm package ws is not installed: npm ci in tests/Clients (test.sh does)");
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();

        var start = new ProcessStartInfo("node", ["--input-type=module", "-", student.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)])
        {
            WorkingDirectory = SessionExample.Folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var node = Process.Start(start)!;
        await node.StandardInput.WriteAsync(SessionExample.Program(system.DevelopmentToken, tutor));
        node.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = await node.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = await node.StandardError.ReadToEndAsync(limit.Token);
        await node.WaitForExitAsync(limit.Token);

        node.ExitCode.ShouldBe(0, errors);
        var seen = JsonElement.Parse(output).EnumerateArray().Select(line => line.ToString()).ToList();
        seen[0].ShouldStartWith("""["Session created:",""");
        seen[1].ShouldBe("""["✓ WebSocket connected"]""");
        seen.ShouldContain(line => line.StartsWith("""["AI:",""", StringComparison.Ordinal));
        seen[^1].ShouldBe("""["WebSocket closed"]""");
    }
}
