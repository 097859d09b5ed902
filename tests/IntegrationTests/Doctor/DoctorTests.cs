using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.IntegrationTests.Doctor;

/// <summary>The doctor of a whole system, with real servers: from beside it and from inside.</summary>
[Collection(PrimerCollection.Name)]
public sealed class DoctorTests(SharedSystem system)
{
    // What a machine that runs tests may lack without being wrong: room on its disk, a GPU, pools that nobody waits at.
    private static readonly string[] OfTheMachine = ["LYC-SYS-003", "LYC-LLM-003", "LYC-LLM-004", "LYC-DB-005"];

    [Fact]
    public async Task Program_BesideAHealthySystem_FindsEverythingWell()
    {
        await system.UntilUpAsync();
        await WellAsync(() => ProgramAsync("--data", system.DataFolder, "--json"), "LYC-MQ-001", "LYC-DB-008", "LYC-JOB-002", "LYC-LLM-003", "LYC-SEC-002");
    }

    [Fact]
    public async Task Gateway_OfAHealthySystem_FindsEverythingWell()
    {
        await system.UntilUpAsync();
        using var http = system.CreateGatewayClient();
        await WellAsync(async () =>
        {
            using var response = await http.GetAsync("/api/ops/doctor");
            var text = await response.Content.ReadAsStringAsync();
            response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
            return text;
        }, "LYC-MQ-001", "LYC-DB-008", "LYC-JOB-001", "LYC-LLM-003", "LYC-SEC-002");
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Broker_Stopped_IsRedOnce()
    {
        await system.UntilUpAsync();
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");
        await system.CommandAsync("messaging", Aspire.Hosting.ApplicationModel.KnownResourceCommands.StopCommand);
        try
        {
            foreach (var text in (string[])[await ProgramAsync("--data", system.DataFolder, "--json"), await AskAsync()])
            {
                Checks(text).Where(check => (string)check["verdict"]! == "fail").Select(check => (string)check["id"]!).ShouldBe(["LYC-MQ-001"], text);
            }
        }
        finally
        {
            await system.CommandAsync("messaging", Aspire.Hosting.ApplicationModel.KnownResourceCommands.StartCommand);
        }

        async Task<string> AskAsync()
        {
            using var http = system.CreateGatewayClient();
            return await http.GetStringAsync("/api/ops/doctor");
        }
    }

    /// <summary>Until it says so: what a test before this one killed may still be coming back.</summary>
    private static async Task WellAsync(Func<Task<string>> examine, params string[] looked)
    {
        var text = "";
        for (var until = Stopwatch.GetTimestamp() + (long)(Eventually.Limit.TotalSeconds * Stopwatch.Frequency); ;)
        {
            text = await examine();
            if (Checks(text).All(IsWell) || Stopwatch.GetTimestamp() > until)
                break;
            await Task.Delay(500);
        }
        Checks(text).Where(check => !IsWell(check)).Select(check => check.ToJsonString()).ShouldBeEmpty();
        foreach (var id in looked)
            ((string)Checks(text).Single(check => (string)check["id"]! == id)["verdict"]!).ShouldBeOneOf(["ok", "warn"], text);

        static bool IsWell(JsonNode check) => (string)check["verdict"]! switch
        {
            "ok" => true,
            "warn" => OfTheMachine.Contains((string)check["id"]!),
            "skipped" => !((string)check["saw"]!).StartsWith("behind", StringComparison.Ordinal),
            _ => false,
        };
    }

    private static List<JsonNode> Checks(string text) => [.. JsonNode.Parse(text)!["checks"]!.AsArray().Select(check => check!)];

    private static async Task<string> ProgramAsync(params string[] arguments)
    {
        var here = Path.Combine(AppContext.BaseDirectory, "IntegrationTests");
        // With the tests' own frameworks: what these bring is not beside the program here.
        var start = new ProcessStartInfo(
            "dotnet",
            ["exec", "--runtimeconfig", $"{here}.runtimeconfig.json", "--depsfile", $"{here}.deps.json",
                Path.Combine(AppContext.BaseDirectory, "lyceum.dll"), "doctor", .. arguments])
        {
            UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        output.ShouldStartWith("{", customMessage: await error);
        return output;
    }
}
