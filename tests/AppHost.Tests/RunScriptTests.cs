using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lyceum.Tests.AppHost;

/// <summary>What run.sh says before it builds or starts anything.</summary>
public sealed class RunScriptTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Status_OfAFolderWithoutASystem_IsStopped()
    {
        var (status, output) = await RunAsync("status", "--json", "--data", folder.Path);
        status.ShouldBe(3);
        output.Trim().ShouldBe("""{"status": "stopped", "resources": []}""");
    }

    [Fact]
    public async Task Status_AfterAppHostDied_IsStopped_EvenIfItsPidIsInUse()
    {
        await File.WriteAllTextAsync(folder.PathOf("state.json"), $$"""
            {
              "status": "healthy",
              "apphost_pid": {{Environment.ProcessId}},
              "apphost_started": "1",
              "resources": [
                {"name":"chat-api","type":"project","state":"Running","health":"healthy","pid":1,"pids":[1],"urls":[]}
              ]
            }
            """);
        (await RunAsync("status", "--data", folder.Path)).Output.ShouldStartWith("stopped");
    }

    [Fact]
    public async Task Stop_WhereNothingRuns_SucceedsEveryTime()
    {
        (await RunAsync("stop", "--data", folder.Path)).Status.ShouldBe(0);
        (await RunAsync("stop", "--data", folder.Path)).Status.ShouldBe(0);
    }

    [Fact]
    public async Task Start_OnATakenPort_NamesIt()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var (status, output) = await RunAsync("--data", folder.Path, "--port", $"{port}");

        status.ShouldBe(1);
        output.ShouldContain($"port {port} is taken");
    }

    [Fact]
    public async Task Start_InAFolderThatOthersMayEnter_AndThatIsNotASystems_IsRefused()
    {
        const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        await File.WriteAllTextAsync(folder.PathOf("thesis.txt"), "years of work");
        File.SetUnixFileMode(folder.Path, Open);

        var (status, output) = await RunAsync("--data", folder.Path, "--port", $"{FreePort()}", "--no-build");

        status.ShouldBe(1);
        output.ShouldContain("chmod 700");
        File.GetUnixFileMode(folder.Path).ShouldBe(Open);
        Directory.GetFileSystemEntries(folder.Path).ShouldBe([folder.PathOf("thesis.txt")]);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [Theory]
    [InlineData("--port", "http")]
    [InlineData("--port", "70000")]
    [InlineData("--replicas", "chat-api")]
    [InlineData("--data")]
    [InlineData("--prot", "80")]
    public async Task Start_WithAWrongOption_SaysSo(params string[] arguments)
    {
        var (status, output) = await RunAsync(arguments);
        status.ShouldBe(1);
        output.ShouldContain($"{arguments[0]}");
        output.ShouldContain("error: ");
    }

    private static async Task<(int Status, string Output)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "run.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Eventually.Limit);
        return (process.ExitCode, await output + await errors);
    }
}
