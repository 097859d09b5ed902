using System.Diagnostics;
using System.Text.Json;
using Lyceum.Cli.Installation;

namespace Lyceum.Tests.Cli.Tests;

public sealed class ImageTests
{
    /// <summary>Their base has no .NET, and no shell: what a container starts, and its health check, is the program itself.</summary>
    [Fact]
    public async Task Image_HasEverythingItStartsWith()
    {
        using var evaluating = Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                "msbuild", Path.Combine(GenerateTests.Deploy, "../GpuEngine"), "-p:RuntimeIdentifier=linux-x64",
                "-getProperty:SelfContained", "-getProperty:ContainerBaseImage", "-getProperty:ContainerUser",
            },
            RedirectStandardOutput = true,
        })!;
        var written = await evaluating.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await evaluating.WaitForExitAsync(TestContext.Current.CancellationToken);

        var properties = JsonDocument.Parse(written).RootElement.GetProperty("Properties");
        properties.GetProperty("ContainerBaseImage").GetString()!.ShouldContain("/runtime-deps:");
        properties.GetProperty("SelfContained").GetString().ShouldBe("true");
        properties.GetProperty("ContainerUser").GetString().ShouldBe("1654");
    }

    /// <summary>Checked by the program, not by a shell.</summary>
    [Fact]
    public void HealthChecks_NeedNothingButTheProgram()
    {
        var compose = GenerateCommand.Files(new Plan([])).ToDictionary()["compose/compose.yaml"];
        foreach (var service in Services.All)
            compose.ShouldContain($"""test: ["CMD", "/app/{service.Program}", "--healthcheck"]""");
    }
}
