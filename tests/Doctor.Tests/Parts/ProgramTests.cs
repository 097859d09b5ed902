using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.Doctor.Tests.Parts;

/// <summary><c>lyceum doctor</c> as an administrator runs it.</summary>
[Collection(InstallationCollection.Name)]
public sealed class ProgramTests(Installation installation)
{
    // The stand-ins are no gateway that the network's checks could talk to.
    private static readonly string[] Parts = ["--only", "LYC-SYS", "LYC-DB", "LYC-MQ", "LYC-LLM", "LYC-SEC", "LYC-JOB"];

    [Fact]
    public async Task Folder_OfARunningSystem_IsEnoughToKnowIt()
    {
        installation.Read();
        var (status, output, error) = await RunAsync([], ["--data", installation.Folder, .. Parts]);

        status.ShouldBe(0, output + error);
        output.ShouldContain("5 instances answer");
        output.ShouldContain("0 failed");
    }

    [Fact]
    public async Task Folder_OfNothing_CannotBegin()
    {
        var (status, _, error) = await RunAsync([], "--data", Path.Combine(installation.Folder, "postgres"));

        status.ShouldBe(2);
        error.ShouldContain("neither a data folder");
    }

    [Fact]
    public async Task Clock_OfThisMachineSkewed_IsToldOnce()
    {
        installation.Read();
        Assert.SkipUnless(File.Exists("/usr/bin/faketime"), "Debian's package faketime is not installed");

        await IsRedOnceAsync(["/usr/bin/faketime", "-f", "+10m"], "LYC-SYS-004", "NTP", "--data", installation.Folder);
    }

    [Fact]
    public async Task Disk_Full_IsToldOnce()
    {
        installation.Read();
        Assert.SkipUnless(await MayMountAsync(), "a file system can be mounted here by root only");
        var folder = Directory.CreateTempSubdirectory("lyceum-disk-").FullName;
        const string script =
            """
            set -e
            mount -t tmpfs -o size=4m,mode=0700 lyceum "$1"
            cp -a "$2/." "$1/"
            dd if=/dev/zero of="$1/filled" bs=4k 2>/dev/null || true
            shift 2
            exec "$@"
            """;

        await IsRedOnceAsync(["unshare", "-m", "sh", "-c", script, "sh", folder, installation.Folder], "LYC-SYS-003", "Make room", "--data", folder);

        Directory.Delete(folder);
    }

    private static async Task<bool> MayMountAsync() =>
        OperatingSystem.IsLinux() && (await StartAsync("unshare", ["-m", "sh", "-c", "mount -t tmpfs lyceum /mnt"])).Status == 0;

    private static async Task IsRedOnceAsync(string[] before, string id, string fix, params string[] arguments)
    {
        var (status, output, error) = await RunAsync(before, [.. arguments, "--json", .. Parts]);
        status.ShouldBe(1, output + error);
        var red = JsonNode.Parse(output)!["checks"]!.AsArray().Where(check => (string)check!["verdict"]! == "fail").ToList();
        red.Select(check => (string)check!["id"]!).ShouldBe([id], output);
        ((string)red[0]!["fix"]!).ShouldContain(fix);
    }

    private static Task<(int Status, string Output, string Error)> RunAsync(string[] before, params string[] arguments)
    {
        var here = Path.Combine(AppContext.BaseDirectory, "Doctor.Tests");
        // With the tests' own frameworks: what these bring is not beside the program here.
        string[] command =
        [
            .. before, Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", "exec",
            "--runtimeconfig", $"{here}.runtimeconfig.json", "--depsfile", $"{here}.deps.json", Path.Combine(AppContext.BaseDirectory, "lyceum.dll"),
            "doctor", .. arguments,
        ];
        return StartAsync(command[0], command[1..]);
    }

    private static async Task<(int Status, string Output, string Error)> StartAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        // .NET's timers go by the monotonic clock, which must not be changed.
        start.Environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
