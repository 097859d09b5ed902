using System.Diagnostics;

namespace Lyceum.Tests.Rules.Deployment;

/// <summary>The tables of docs/scale.md are what follows from their assumptions.</summary>
public sealed class ScaleTests
{
    [Fact]
    public async Task Tables_AreWhatTheAssumptionsSay()
    {
        var node = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "node")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(node is null, "Node.js is not installed (test.sh installs it where it may)");
        using var check = Process.Start(new ProcessStartInfo(node, [Path.Combine(Repository.Root, "scripts", "scale.mjs"), "--check"])
        {
            RedirectStandardError = true,
        })!;
        var said = await check.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await check.WaitForExitAsync(TestContext.Current.CancellationToken);
        check.ExitCode.ShouldBe(0, said);
    }
}
