using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lyceum.Tests.IntegrationTests.Sessions;

/// <summary>The scripts of docs/smoke-tests as they stand: against the gateway, and with TLS through nginx and HAProxy.</summary>
[Collection(ChatCollection.Name)]
public sealed class SmokeTests(SharedSystem system)
{
    private const string Nginx = "/usr/sbin/nginx";
    private const string Haproxy = "/usr/sbin/haproxy";
    private const string Certificate = "cert.pem";
    private const string Key = "key.pem";
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
        Assert.SkipUnless(File.Exists(Nginx), "nginx is not installed (test.sh installs it where it may)");
        await PassesThroughAsync(Nginx, async (folder, gateway, plain, secure) =>
        {
            var configuration = (await File.ReadAllTextAsync(Path.Combine(SmokeScript.Folder, "nginx.conf")))
                .Replace("listen [::]:80;", "", StringComparison.Ordinal).Replace("listen [::]:443 ssl;", "", StringComparison.Ordinal)
                .Replace("listen 80;", $"listen 127.0.0.1:{plain};", StringComparison.Ordinal)
                .Replace("listen 443 ssl;", $"listen 127.0.0.1:{secure} ssl;", StringComparison.Ordinal)
                .Replace("/etc/ssl/lyceum/cert.pem", Path.Combine(folder, Certificate), StringComparison.Ordinal)
                .Replace("/etc/ssl/lyceum/key.pem", Path.Combine(folder, Key), StringComparison.Ordinal)
                .Replace("http {", "http {\n" + string.Concat(TemporaryFiles.Select(kind => $"{kind}_temp_path {folder}/{kind};\n")), StringComparison.Ordinal)
                .Replace("server 127.0.0.1:8080;", $"server {gateway};", StringComparison.Ordinal);
            var file = Path.Combine(folder, "nginx.conf");
            await File.WriteAllTextAsync(file, configuration);
            return ["-p", folder, "-c", file, "-g", "daemon off;"];
        });
    }

    /// <summary>One of its two gateways is not there.</summary>
    [Fact]
    public async Task LiveSession_ThroughHaproxyWithTls_PassesOverWss()
    {
        Assert.SkipUnless(File.Exists(Haproxy), "haproxy is not installed (test.sh installs it where it may)");
        await PassesThroughAsync(Haproxy, async (folder, gateway, plain, secure) =>
        {
            var both = Path.Combine(folder, "both.pem");
            await File.WriteAllTextAsync(
                both, await File.ReadAllTextAsync(Path.Combine(folder, Certificate)) + await File.ReadAllTextAsync(Path.Combine(folder, Key)));
            var configuration = (await File.ReadAllTextAsync(Path.Combine(Repository.Root, "deploy", "haproxy", "haproxy.cfg")))
                .Replace("maxconn 20000", "maxconn 200", StringComparison.Ordinal) // for a small limit of open files
                .Replace("bind :80\n", $"bind 127.0.0.1:{plain}\n", StringComparison.Ordinal)
                .Replace("bind :443", $"bind 127.0.0.1:{secure}", StringComparison.Ordinal)
                .Replace("/etc/haproxy/lyceum.pem", both, StringComparison.Ordinal)
                .Replace("127.0.0.1:8080", gateway, StringComparison.Ordinal)
                .Replace("127.0.0.1:8081", $"127.0.0.1:{FreePort()}", StringComparison.Ordinal);
            var file = Path.Combine(folder, "haproxy.cfg");
            await File.WriteAllTextAsync(file, configuration);
            return ["-db", "-f", file];
        });
    }

    /// <param name="configure">Folder, gateway, and the ports to listen on; returns the program's arguments.</param>
    private async Task PassesThroughAsync(string program, Func<string, string, int, int, Task<string[]>> configure)
    {
        _ = system.App;
        using var gateway = system.CreateAnonymousClient();
        var folder = Directory.CreateTempSubdirectory("lyceum-front-");
        try
        {
            var (made, trouble) = await RunAsync("openssl", [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                "-keyout", Path.Combine(folder.FullName, Key), "-out", Path.Combine(folder.FullName, Certificate)]);
            made.ShouldBe(0, trouble);
            var secure = FreePort();
            var arguments = await configure(folder.FullName, gateway.BaseAddress!.Authority, FreePort(), secure);
            using var front = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            try
            {
                await ListensAsync(front, secure);
                var (status, said) = await RunAsync("bash", [Path.Combine(SmokeScript.Folder, "live-session.sh"), $"https://localhost:{secure}"]);
                status.ShouldBe(0, said);
                said.ShouldContain($"engine_url: wss://localhost:{secure}/ws/");
            }
            finally
            {
                // Orderly: nginx's master takes its workers along.
                using (var stop = Process.Start("kill", ["-TERM", front.Id.ToString()]))
                    await stop.WaitForExitAsync();
                await front.WaitForExitAsync();
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

    private static async Task ListensAsync(Process front, int port)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            front.HasExited.ShouldBeFalse(front.HasExited ? await front.StandardError.ReadToEndAsync(limit.Token) : "");
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
