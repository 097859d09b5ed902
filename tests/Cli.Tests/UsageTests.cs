using System.Diagnostics;

namespace Lyceum.Tests.Cli.Tests;

public sealed class UsageTests
{
    [Fact]
    public async Task Command_Unknown_IsToldWithStatusOne()
    {
        var dll = Path.Combine(AppContext.BaseDirectory, "lyceum.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [dll, "no-such-command"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        process.ExitCode.ShouldBe(1);
        error.ShouldContain("no-such-command");
    }
}
