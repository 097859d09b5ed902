using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lyceum.Tests.IntegrationTests.Sessions;

/// <summary>The scripts of docs/smoke-tests as they stand: against the gateway, and through nginx with TLS.</summary>
[Collection(ChatCollection.Name)]
public sealed class SmokeTests(SharedSystem system)
{
    private const string Nginx = "/usr/sbin/nginx";
    private static readonly string[] TemporaryFiles = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task LiveSession_AtTheGateway_Passes()
    {
        using var gateway = system.CreateAnonymousClient();
        var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, "live-session.sh"), gateway.BaseAddress!.ToString()]);
        status.ShouldBe(0, said);
        said.ShouldContain("engine_url: ws://");
    }

    /// <summary>The daily checks of docs/operations.md, a chat, a roadmap, and the registration of a new version of tools.</summary>
    [Theory]
    [InlineData("chat.sh")]
    [InlineData("inspect.sh")]
    [InlineData("roadmap.sh")]
    [InlineData("register-tools.sh")]
    public async Task Script_AgainstARunningGateway_Passes(string script)
    {
        using var gateway = system.CreateAnonymousClient();
        var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, script), gateway.BaseAddress!.ToString().TrimEnd('/')]);
        status.ShouldBe(0, said);
        said.ShouldNotContain("FAILED");
    }

    [Fact]
    public async Task Inspect_WrongToken_FailsAndReports401()
    {
        using var gateway = system.CreateAnonymousClient();
        var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, "inspect.sh"), gateway.BaseAddress!.ToString()], token: "wrong");
        status.ShouldBe(1, said);
        said.ShouldContain("FAILED  with the token: accepted: HTTP 401");
    }

    /// <summary>These scripts start a gateway of their own.</summary>
    [Theory]
    [Trait("Category", "Long")]
    [InlineData("rotate-secret.sh")]
    [InlineData("missing-secret.sh")]
    public async Task Script_WithItsOwnGateway_Passes(string script)
    {
        var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, script)]);
        status.ShouldBe(0, said);
    }

    [Fact]
    public async Task LiveSession_WrongToken_FailsAndReports401()
    {
        using var gateway = system.CreateAnonymousClient();
        var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, "live-session.sh"), gateway.BaseAddress!.ToString()], token: "wrong");
        status.ShouldBe(1, said);
        said.ShouldContain("FAILED");
        said.ShouldContain("401");
    }

    [Fact]
    public async Task LiveSession_ThroughNginxWithTls_PassesOverWss()
    {
        _ = system.App;
        Assert.SkipUnless(File.Exists(Nginx), "nginx is not installed (test.sh installs it where it may)");
        using var gateway = system.CreateAnonymousClient();
        var folder = Directory.CreateTempSubdirectory("lyceum-nginx-");
        try
        {
            var (certificate, key) = (Path.Combine(folder.FullName, "cert.pem"), Path.Combine(folder.FullName, "key.pem"));
            var (made, trouble) = await RunAsync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate]);
            made.ShouldBe(0, trouble);
            var (plain, secure) = (FreePort(), FreePort());
            var configuration = (await File.ReadAllTextAsync(Path.Combine(SmokeScript.Folder, "nginx.conf")))
                .Replace("listen [::]:80;", "", StringComparison.Ordinal).Replace("listen [::]:443 ssl;", "", StringComparison.Ordinal)
                .Replace("listen 80;", $"listen 127.0.0.1:{plain};", StringComparison.Ordinal)
                .Replace("listen 443 ssl;", $"listen 127.0.0.1:{secure} ssl;", StringComparison.Ordinal)
                .Replace("/etc/ssl/lyceum/cert.pem", certificate, StringComparison.Ordinal)
                .Replace("/etc/ssl/lyceum/key.pem", key, StringComparison.Ordinal)
                .Replace("http {", "http {\n" + string.Concat(TemporaryFiles.Select(kind => $"{kind}_temp_path {folder.FullName}/{kind};\n")), StringComparison.Ordinal)
                .Replace("server 127.0.0.1:8080;", $"server {gateway.BaseAddress!.Authority};", StringComparison.Ordinal);
            var file = Path.Combine(folder.FullName, "nginx.conf");
            await File.WriteAllTextAsync(file, configuration);

            using var nginx = Process.Start(new ProcessStartInfo(Nginx, ["-p", folder.FullName, "-c", file, "-g", "daemon off;"])
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            try
            {
                await ListensAsync(nginx, secure);
                var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, "live-session.sh"), $"https://localhost:{secure}"]);
                status.ShouldBe(0, said);
                said.ShouldContain($"engine_url: wss://localhost:{secure}/ws/");
            }
            finally
            {
                // Orderly: the master takes its workers along.
                using (var stop = Process.Start("kill", ["-TERM", nginx.Id.ToString()]))
                    await stop.WaitForExitAsync();
                await nginx.WaitForExitAsync();
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private Task<(int Status, string Said)> RunAsync(string program, string[] arguments, string? token = null) =>
        SmokeScript.RunAsync(system, program, arguments, ("TOKEN", token ?? system.DevelopmentToken));

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task ListensAsync(Process nginx, int port)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            nginx.HasExited.ShouldBeFalse(nginx.HasExited ? await nginx.StandardError.ReadToEndAsync(limit.Token) : "");
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, port, limit.Token);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50, limit.Token);
            }
        }
    }
}
