using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.Cli.Tests;

/// <summary><c>lyceum doctor</c> as it is typed: what it prints, and its exit status.</summary>
public sealed class DoctorTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-doctor-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("say where it is with --url")]
    [InlineData("'tutor.example' is no address", "--url", "tutor.example")]
    [InlineData("'ftp://tutor.example' is no address", "--url", "ftp://tutor.example")]
    [InlineData("is no address", "--url", "https://tutor.example/app")]
    [InlineData("is no address", "--url", "https://ada:secret@tutor.example")]
    [InlineData("is no IP address", "--url", "https://tutor.example", "--address", "here")]
    [InlineData("no-such-file", "--url", "https://tutor.example", "--token-file", "no-such-file")]
    [InlineData("no check begins with LYC-XYZ", "--url", "https://tutor.example", "--only", "LYC-XYZ")]
    public async Task Doctor_ThatCannotBegin_SaysWhyWithStatusTwo(string why, params string[] arguments)
    {
        var (status, said, error) = await RunAsync(arguments);

        (status, said).ShouldBe((2, ""));
        error.ShouldContain(why);
    }

    [Fact]
    public async Task Doctor_WithATokenOfSeveralLines_OrNone_TakesTheLast_OrSaysSo()
    {
        var file = Path.Combine(_folder.FullName, "token");
        await File.WriteAllTextAsync(file, "\n\n", TestContext.Current.CancellationToken);

        var (status, _, error) = await RunAsync("--url", "https://tutor.example", "--token-file", file);

        status.ShouldBe(2);
        error.ShouldContain("holds no token");
    }

    [Fact]
    public async Task Doctor_WhereNothingAnswers_FailsWithStatusOne_InBothForms()
    {
        var url = $"http://127.0.0.1:{ClosedPort()}";

        var (status, said, _) = await RunAsync("--url", url);
        status.ShouldBe(1);
        said.ShouldContain("FAIL    LYC-NET-001");
        said.ShouldContain("do: Start the gateway");

        (status, said, _) = await RunAsync("--url", url, "--json", "--only", "lyc-net-004");
        status.ShouldBe(1);
        var report = JsonNode.Parse(said)!;
        ((string)report["verdict"]!).ShouldBe("fail");
        report["checks"]!.AsArray().Select(check => ((string)check!["id"]!, (string)check["verdict"]!))
            .ShouldBe([("LYC-NET-001", "fail"), ("LYC-NET-004", "skipped")]);
    }

    private static async Task<(int Status, string Said, string Error)> RunAsync(params string[] arguments)
    {
        var dll = Path.Combine(AppContext.BaseDirectory, "lyceum.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [dll, "doctor", .. arguments])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, said, await error);
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
