using System.Diagnostics;
using Lyceum.Doctor;
using Lyceum.Doctor.Parts;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Doctor.Tests.Parts;

/// <summary>A real RabbitMQ, as the product starts it.</summary>
[Trait("Category", "Long")] // its start
public sealed class BrokerTests : IAsyncLifetime
{
    private const string Control = "/usr/lib/rabbitmq/bin/rabbitmqctl";

    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-broker-").FullName;
    private readonly int _port = PostgresServer.FreePort();
    private readonly int _mapper = PostgresServer.FreePort();
    private Process? _broker;

    public async ValueTask InitializeAsync()
    {
        var script = Path.Combine(Repository.Root, "AppHost", "Infrastructure", "rabbitmq.sh");
        using (var check = Process.Start(new ProcessStartInfo("bash", [script, "--check"]) { UseShellExecute = false, RedirectStandardError = true })!)
        {
            await check.WaitForExitAsync();
            if (check.ExitCode != 0)
                return;
        }
        _broker = Process.Start(With(new ProcessStartInfo("bash", [script])))!;
        _broker.BeginOutputReadLine();
        _broker.BeginErrorReadLine();
    }

    [Fact]
    public async Task Broker_ThatIsWell_RefusesALogin_AndThatTakesNoMessages()
    {
        Assert.SkipWhen(_broker is null, "RabbitMQ is not installed");
        await Eventually.TrueAsync(async () => (await ExamineAsync("secret")).Verdict == Verdict.Ok, "the broker answers");

        var refused = await ExamineAsync("wrong");
        refused.Saw.ShouldContain("the login is refused");
        refused.Fix.ShouldNotBeNull().ShouldContain("ConnectionStrings__messaging");

        Assert.SkipUnless(File.Exists(Control), "rabbitmqctl is not where Debian has it");
        using (var alarm = Process.Start(With(new ProcessStartInfo(
            Control, ["--node", "lyceum@localhost", "--erlang-cookie", "cookie", "set_vm_memory_high_watermark", "0.000001"])))!)
        {
            await alarm.WaitForExitAsync();
            alarm.ExitCode.ShouldBe(0, await alarm.StandardError.ReadToEndAsync());
        }
        Finding blocked = null!;
        await Eventually.TrueAsync(async () => (blocked = await ExamineAsync("secret")).Verdict == Verdict.Fail, "the broker is short of memory");
        blocked.Saw.ShouldContain("takes no messages");
        blocked.Fix.ShouldNotBeNull().ShouldContain("rabbitmq-diagnostics alarms");
    }

    private async Task<Finding> ExamineAsync(string password)
    {
        using var checks = new SystemChecks(new Site { Broker = $"amqp://lyceum:{password}@127.0.0.1:{_port}" });
        return (await Examination.RunAsync(checks.All, ["LYC-MQ"], deep: false, TestContext.Current.CancellationToken)).Single();
    }

    private ProcessStartInfo With(ProcessStartInfo start)
    {
        (start.UseShellExecute, start.RedirectStandardOutput, start.RedirectStandardError) = (false, true, true);
        foreach (var (name, value) in ((string, string)[])
            [
                ("BROKER_DATA", Path.Combine(_folder, "data")), ("AMQP_PORT", $"{_port}"), ("ERL_EPMD_PORT", $"{_mapper}"),
                ("RABBITMQ_DIST_PORT", $"{PostgresServer.FreePort()}"), ("BROKER_USER", "lyceum"), ("BROKER_PASSWORD", "secret"), ("BROKER_COOKIE", "cookie"),
                ("HOME", _folder),
            ])
            start.Environment[name] = value;
        return start;
    }

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null)
        {
            using (var stop = Process.Start("kill", ["-TERM", $"{_broker.Id}"]))
                await stop.WaitForExitAsync();
            await _broker.WaitForExitAsync();
            _broker.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }
}
