extern alias cli;

using System.Text.Json.Nodes;
using cli::Lyceum.Cli.Doctor;
using Lyceum.Doctor;
using Lyceum.Doctor.Parts;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Doctor.Tests.Parts;

/// <summary>Each fault is told once, with what to do; what stands behind it is skipped.</summary>
[Collection(InstallationCollection.Name)]
public sealed class FaultTests(Installation installation)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NoFault_EverythingIsWell()
    {
        var findings = await ExamineAsync(installation.Read());

        findings.Where(finding => finding.Verdict is Verdict.Fail or Verdict.Warn).ShouldBeEmpty(Text(findings));
        // There is no broker and no GPU here; everything else was looked at.
        findings.Where(finding => finding.Verdict == Verdict.Skipped).Select(finding => finding.Id).ShouldBe(["LYC-MQ-001", "LYC-LLM-004"]);
        Report.ExitCode(findings).ShouldBe(0);
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "doctor-system.md"), Stop);
        findings.Where(finding => !page.Contains($"| {finding.Id} |", StringComparison.Ordinal)).ShouldBeEmpty();
        findings.Where(finding => !File.Exists(Path.Combine(Repository.Root, finding.Doc!))).ShouldBeEmpty();
    }

    [Fact]
    public void Services_AreThoseOfTheInstallation() =>
        Site.Services.Select(service => (service.Key, service.Value.Database, service.Value.Database is null ? 5 : service.Value.MinPool))
            .ShouldBe(cli::Lyceum.Cli.Installation.Services.All.Select(service => (service.Name, service.Database, service.MinPool)), ignoreOrder: true);

    [Fact]
    public async Task Postgres_Stopped()
    {
        var site = installation.Read();
        var away = $"Host=127.0.0.1;Port={PostgresServer.FreePort()};Username=postgres;Password=secret-word";
        var findings = await IsRedOnceAsync(
            site with { Databases = site.Databases.ToDictionary(database => database.Key, database => $"{away};Database={database.Key}") }, "LYC-DB-001", "Start PostgreSQL");

        findings.Where(finding => finding.Saw == "behind LYC-DB-001, which failed").Count().ShouldBeGreaterThan(8);
        Report.ToJson(findings).ShouldNotContain("secret-word");
    }

    [Fact]
    public Task Password_Refused() =>
        IsRedOnceAsync(With("gatewaydb", installation.Read().Databases["gatewaydb"] + ";Password=wrong"), "LYC-DB-001", "password");

    [Fact]
    public async Task Database_ReadOnly() => await IsRedOnceAsync(
        With("chatdb", await ChangedAsync("chatdb", "ALTER DATABASE {name} SET default_transaction_read_only = on")), "LYC-DB-003", "RESET default_transaction_read_only");

    [Fact]
    public async Task Database_WithoutTables() => await IsRedOnceAsync(
        With("chatdb", await ChangedAsync("chatdb", "DROP TABLE \"__EFMigrationsHistory\"")), "LYC-DB-004", "docs/upgrade.md");

    [Fact]
    public async Task Database_OfAnEarlierVersion()
    {
        var site = installation.Read() with { Migrations = new Dictionary<string, string> { ["roadmapdb"] = "20300101000000_Later" } };
        (await IsRedOnceAsync(site, "LYC-DB-004", "log")).Single(finding => finding.Id == "LYC-DB-004").Saw.ShouldContain("20300101000000_Later");
    }

    [Fact]
    public async Task Commits_NotFlushed() => await IsRedOnceAsync(
        With("sessiondb", await ChangedAsync("sessiondb", "ALTER DATABASE {name} SET synchronous_commit = off")), "LYC-DB-006", "RESET synchronous_commit");

    [Fact]
    public async Task Standby_Missing()
    {
        var site = installation.Read();
        await installation.Server.SetAsync(("synchronous_standby_names", "ANY 2 (a, b, c)"));
        try
        {
            (await IsRedOnceAsync(site, "LYC-DB-007", "Start the standbys")).Single(finding => finding.Id == "LYC-DB-007").Saw.ShouldContain("0 of 2");
        }
        finally
        {
            await installation.Server.SetAsync(("synchronous_standby_names", ""));
        }
    }

    [Fact]
    public Task Pool_Tiny()
    {
        var site = installation.Read();
        installation.Services.Pools["roadmap-worker"] = 19;
        return IsRedOnceAsync(site, "LYC-DB-005", "Maximum Pool Size");
    }

    [Fact]
    public Task Pools_TogetherLargerThanTheServer()
    {
        var site = installation.Read();
        installation.Services.Pools["chat-api"] = 200;
        return IsRedOnceAsync(site, "LYC-DB-005", "max_connections");
    }

    [Fact]
    public Task Broker_Stopped() => IsRedOnceAsync(
        installation.Read() with { Broker = $"amqp://lyceum:secret@127.0.0.1:{PostgresServer.FreePort()}" }, "LYC-MQ-001", "Start RabbitMQ");

    [Fact]
    public Task Instance_Gone()
    {
        var site = installation.Read();
        var gone = new Instance("chat-api", "chat-api-2", new Uri($"http://127.0.0.1:{PostgresServer.FreePort()}"));
        return IsRedOnceAsync(site with { Instances = [.. site.Instances, gone] }, "LYC-SYS-001", "Start it");
    }

    [Fact]
    public Task Service_Unwell()
    {
        var site = installation.Read();
        installation.Services.Checks["chat-api"] = """, "writing": {"status": "unhealthy", "detail": "the loop stands"}""";
        return IsRedOnceAsync(site, "LYC-SYS-002", "docs/runbook.md");
    }

    [Fact]
    public Task Model_Dead()
    {
        var site = installation.Read();
        installation.Services.Checks["gpu-engine"] = """, "model": {"status": "degraded", "detail": "the model server does not answer"}""";
        installation.Services.Word = null;
        return IsRedOnceAsync(site, "LYC-LLM-002", "Llm__Endpoint");
    }

    [Fact]
    public Task Model_ThatSaysNothing()
    {
        var site = installation.Read();
        installation.Services.Word = null;
        return IsRedOnceAsync(site, "LYC-LLM-003", "Llm__Model");
    }

    [Fact]
    public async Task Engine_NotAnnounced() => await IsRedOnceAsync(
        With("sessiondb", await ChangedAsync("sessiondb", "UPDATE engines SET seen_at = now() - interval '1 minute'")), "LYC-LLM-001", "Engine__AnnounceTo__0");

    [Fact]
    public async Task Queue_ThatStands()
    {
        const string due = "INSERT INTO jobs VALUES (gen_random_uuid(), 'queued', NULL, now() - interval '1 hour', now() - interval '1 hour', NULL, 0)";
        await IsRedOnceAsync(With("roadmapdb", await ChangedAsync("roadmapdb", due)), "LYC-JOB-002", "Jobs__Concurrency");
    }

    [Fact]
    [Trait("Category", "Long")] // a takeover's time
    public async Task Worker_WithoutALease() => await IsRedOnceAsync(
        With("roadmapdb", await ChangedAsync("roadmapdb", "DELETE FROM owners")), "LYC-JOB-001", "Start the service");

    [Fact]
    public async Task Secret_Missing()
    {
        var folder = installation.Copy();
        File.Delete(Path.Combine(folder, "keys", "chat-api.pem"));
        (await IsRedOnceAsync(Discovery.Read(folder), "LYC-SEC-001", "Restore it")).Single(finding => finding.Id == "LYC-SEC-001").Saw.ShouldContain("chat-api.pem: it is missing");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Secret_OpenToOthers()
    {
        var folder = installation.Copy();
        File.SetUnixFileMode(Path.Combine(folder, "secrets.json"), (UnixFileMode)0b110_100_100);
        await IsRedOnceAsync(Discovery.Read(folder), "LYC-SEC-001", "chmod 600");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Key_ThatNobodyKnows()
    {
        var folder = installation.Copy();
        using (var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256))
            Lyceum.DataFolder.AtomicFile.Write(Path.Combine(folder, "keys", "gateway.pem"), key.ExportPkcs8PrivateKeyPem());
        await IsRedOnceAsync(Discovery.Read(folder), "LYC-SEC-002", "restart the services");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task DevelopmentToken_InProduction()
    {
        var folder = installation.Copy();
        installation.WriteState(folder, "Production");
        await IsRedOnceAsync(Discovery.Read(folder), "LYC-SEC-003", "Auth__DevTokenFile");

        // One that is only left there opens nothing.
        installation.Services.Token = "another";
        (await ExamineAsync(Discovery.Read(folder))).Single(finding => finding.Id == "LYC-SEC-003").Verdict.ShouldBe(Verdict.Warn);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public Task Development_OpenToOthers() =>
        IsRedOnceAsync(installation.Read() with { Listens = ["http://+:8080"] }, "LYC-SEC-003", "ASPNETCORE_ENVIRONMENT=Production");

    [Theory]
    [InlineData(600, Verdict.Fail)]
    [InlineData(-600, Verdict.Fail)]
    [InlineData(150, Verdict.Warn)]
    [InlineData(20, Verdict.Ok)]
    public async Task Clock_Skewed(int seconds, Verdict expected)
    {
        var findings = await ExamineAsync(installation.Read(), new SkewedTime(TimeSpan.FromSeconds(seconds)));

        findings.Single(finding => finding.Id == "LYC-SYS-004").Verdict.ShouldBe(expected);
        findings.Count(finding => finding.Verdict == Verdict.Fail).ShouldBe(expected == Verdict.Fail ? 1 : 0);
    }

    private Site With(string database, string connection)
    {
        var site = installation.Read();
        return site with { Databases = new Dictionary<string, string>(site.Databases) { [database] = connection } };
    }

    private Task<string> ChangedAsync(string database, string sql)
    {
        installation.Read();
        return installation.ChangedAsync(database, sql);
    }

    private static async Task<IReadOnlyList<Finding>> ExamineAsync(Site site, TimeProvider? time = null)
    {
        using var checks = new SystemChecks(site, time);
        return await Examination.RunAsync(checks.All, [], deep: false, Stop);
    }

    private static async Task<IReadOnlyList<Finding>> IsRedOnceAsync(Site site, string id, string fix)
    {
        var findings = await ExamineAsync(site);
        var red = findings.Where(finding => finding.Verdict == Verdict.Fail).ToList();
        red.Select(finding => finding.Id).ShouldBe([id], Text(findings));
        red[0].Fix.ShouldNotBeNull().ShouldContain(fix);
        Text(findings).ShouldContain($"do: {red[0].Fix}");
        var json = JsonNode.Parse(Report.ToJson(findings))!;
        ((string)json["verdict"]!).ShouldBe("fail");
        ((string)json["checks"]!.AsArray().Single(check => (string)check!["verdict"]! == "fail")!["fix"]!).ShouldBe(red[0].Fix);
        return findings;
    }

    private static string Text(IReadOnlyList<Finding> findings)
    {
        var text = new StringWriter();
        Report.Write(findings, text);
        return text.ToString();
    }

    private sealed class SkewedTime(TimeSpan skew) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + skew;
    }
}
