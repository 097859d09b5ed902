using System.Diagnostics;
using System.Net.Sockets;
using Lyceum.Doctor;
using Lyceum.Doctor.Parts;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Doctor.Tests.Parts;

/// <summary>A real PgBouncer between services and PostgreSQL.</summary>
[Collection(InstallationCollection.Name)]
public sealed class PoolerTests(Installation installation) : IDisposable
{
    private const string Program = "/usr/sbin/pgbouncer";

    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-pooler-").FullName;
    private Process? _pooler;

    [Theory]
    [InlineData("transaction", Verdict.Fail)]
    [InlineData("session", Verdict.Ok)]
    public async Task Pooler_InAMode(string mode, Verdict expected)
    {
        var site = installation.Read();
        Assert.SkipUnless(File.Exists(Program), "Debian's package pgbouncer is not installed");
        var port = PostgresServer.FreePort();
        await StartAsync(mode, port);
        var through = site with
        {
            Databases = site.Databases.ToDictionary(
                database => database.Key,
                database => $"Host=127.0.0.1;Port={port};Username=postgres;Password=test;Database={database.Key};SSL Mode=Disable;Options=-c jit=off"),
        };

        using var checks = new SystemChecks(through);
        var findings = await Examination.RunAsync(checks.All, [], deep: false, TestContext.Current.CancellationToken);

        var sessions = findings.Single(finding => finding.Id == "LYC-DB-008");
        sessions.Verdict.ShouldBe(expected, sessions.Saw);
        findings.Where(finding => finding.Verdict == Verdict.Fail).Select(finding => finding.Id)
            .ShouldBe(expected == Verdict.Fail ? ["LYC-DB-008"] : []);
        if (expected == Verdict.Fail)
            sessions.Fix.ShouldNotBeNull().ShouldContain("pool_mode=session");
    }

    private async Task StartAsync(string mode, int port)
    {
        var file = Path.Combine(_folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            file,
            $"""
            [databases]
            * = host=127.0.0.1 port={installation.Server.Port} user=postgres password=test
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = {mode}
            default_pool_size = 20
            ignore_startup_parameters = options,extra_float_digits
            """);
        // It refuses to run as root.
        string[] arguments = Environment.IsPrivilegedProcess ? ["-q", "-u", "nobody", file] : ["-q", file];
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(file, (UnixFileMode)0b110_100_100);
        _pooler = Process.Start(new ProcessStartInfo(Program, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        _pooler.BeginErrorReadLine();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync("127.0.0.1", port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }, "pgbouncer listens");
    }

    public void Dispose()
    {
        _pooler?.Kill();
        _pooler?.WaitForExit();
        _pooler?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
