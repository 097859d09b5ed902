using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.IntegrationTests.Diagnosis;

/// <summary><c>lyceum doctor</c> at a whole system.</summary>
[Collection(ChatCollection.Name)]
public sealed class DoctorTests(SharedSystem system)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Network_OfAHealthySystem_IsFoundWell()
    {
        using var gateway = system.CreateAnonymousClient();
        var (status, said) = await RunAsync(
            "--url", gateway.BaseAddress!.ToString(), "--token-file", Path.Combine(system.DataFolder, "dev-token"),
            "--only", "LYC-NET", "--json");

        status.ShouldBe(0, said);
        var checks = JsonNode.Parse(said)!["checks"]!.AsArray();
        // A warning is that a service is not well yet, or again: others' tests stop them.
        checks.Where(check => (string)check!["verdict"]! is "ok" || (string)check["id"]! is "LYC-NET-001").Select(check => (string)check!["id"]!).ShouldBe(
            ["LYC-NET-001", "LYC-NET-004", "LYC-NET-005", "LYC-NET-006", "LYC-NET-007", "LYC-NET-008", "LYC-NET-009"], said);
        // What it says of engines is what sessions are given.
        ((string)checks.Single(check => (string)check!["id"]! == "LYC-NET-009")!["saw"]!)
            .ShouldContain($"ws://{gateway.BaseAddress.Authority}, and it answers");
    }

    private static async Task<(int Status, string Said)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "lyceum.dll"), "doctor", .. arguments]) { RedirectStandardOutput = true })!;
        using var limit = new CancellationTokenSource(Limit);
        var said = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, said);
    }
}
