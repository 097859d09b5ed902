using System.Diagnostics;
using Lyceum.Gateway.Settings;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Settings;

/// <summary>The gateway's real binary, with a configuration that cannot be used.</summary>
public sealed class StartTests : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway");
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-start-").FullName;

    public void Dispose()
    {
        _identity.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task FaultyConfiguration_EndsTheProcess_WithEveryFaultOnStandardError()
    {
        var file = Path.Combine(_folder, "gateway.json");
        await File.WriteAllTextAsync(file,
            """{ "auth": { "tokens": [{ "id": "a", "tenant": "t", "secret_env": "LYCEUM_NOT_SET" }, { "id": "b", "tenant": "t", "secret_file": "none" }] } }""",
            TestContext.Current.CancellationToken);
        var (code, errors) = await RunAsync(file);

        code.ShouldBe(78, errors);
        errors.ShouldContain(file);
        errors.ShouldContain("auth.tokens[0].secret_env: environment variable LYCEUM_NOT_SET not set");
        errors.ShouldContain("auth.tokens[1].secret_file: file none does not exist");
        (await RunAsync(file + ".missing")).Code.ShouldBe(78);
    }

    private async Task<(int Code, string Errors)> RunAsync(string file)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(SettingsMonitor).Assembly.Location])
        {
            RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = _folder,
        };
        foreach (var (name, value) in _identity.Settings("gateway"))
            start.Environment[name.Replace(":", "__")] = value;
        start.Environment["GATEWAY_CONFIG_FILE"] = file;
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ConnectionStrings__gatewaydb"] = "Host=127.0.0.1;Port=9";
        using var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, errors);
    }
}
