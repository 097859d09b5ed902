using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.ServiceDefaults.Tests.Monitoring;

/// <summary>The rules of <c>deploy/monitoring</c>, by Prometheus' own test tool, on planted faults.</summary>
public sealed partial class AlertTests
{
    private const string Promtool = "/usr/bin/promtool";

    public static TheoryData<string> Faults => [.. Fault.All.Where(fault => !fault.IsLong).Select(fault => fault.Name)];

    public static TheoryData<string> LongFaults => [.. Fault.All.Where(fault => fault.IsLong).Select(fault => fault.Name)];

    [Theory, MemberData(nameof(LongFaults))]
    [Trait("Category", "Long")]
    public Task LongFault_FiresItsAlertInTime_AndNoOther(string name) => Fault_FiresItsAlertInTime_AndNoOther(name);

    [Theory, MemberData(nameof(Faults))]
    public async Task Fault_FiresItsAlertInTime_AndNoOther(string name)
    {
        RequirePromtool();
        var file = Path.Combine(Path.GetTempPath(), $"lyceum-alerts-{Guid.NewGuid():N}.yml");
        await File.WriteAllTextAsync(file, Fault.All.Single(fault => fault.Name == name).ToPromtool(), TestContext.Current.CancellationToken);
        try
        {
            await RunAsync(["test", "rules", file], "");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void EveryAlert_HasAFaultThatFiresIt() =>
        Watching.Alerts.Select(rule => rule.Alert).Except(Fault.All.Select(fault => fault.Alert)).ShouldBeEmpty();

    [Fact]
    public void EveryObjective_HasAFaultThatSpendsItsBudget() =>
        Watching.Rules.Where(rule => rule.Record == "lyceum:objective:budget").Select(rule => rule.Labels["objective"])
            .ShouldBe(Fault.All.Where(fault => fault.Alert == "LyceumErrorBudgetBurnsFast").Select(fault => fault.Objective!).Distinct());

    [Fact]
    public async Task Rules_And_Configuration_AreAcceptedByPrometheus()
    {
        RequirePromtool();
        await RunAsync(["check", "rules", "--lint=all", "--lint-fatal", .. Watching.RuleFiles], Watching.Folder);
        await RunAsync(["check", "config", "--syntax-only", Path.Combine(Watching.Folder, "prometheus.yml")], Watching.Folder);
    }

    /// <summary>As rules, because promtool reads no dashboards.</summary>
    [Fact]
    public async Task Dashboards_ReadExpressionsOfPrometheus_AndWhatRulesRecord()
    {
        RequirePromtool();
        var expressions = Watching.Dashboards.SelectMany(file => Watching.Expressions(JsonElement.Parse(File.ReadAllText(file)))).ToList();
        expressions.Count.ShouldBeGreaterThan(50);
        var rules = expressions.Select((expression, number) => new
        {
            record = $"dashboard:expression:{number}", expr = expression.Replace("$__rate_interval", "5m", StringComparison.Ordinal),
        });
        var file = Path.Combine(Path.GetTempPath(), $"lyceum-dashboards-{Guid.NewGuid():N}.yml");
        await File.WriteAllTextAsync(
            file, JsonSerializer.Serialize(new { groups = new[] { new { name = "dashboards", rules } } }), TestContext.Current.CancellationToken);
        try
        {
            await RunAsync(["check", "rules", file], "");
        }
        finally
        {
            File.Delete(file);
        }

        expressions.SelectMany(Watching.Names).Where(name => name.Contains(':', StringComparison.Ordinal))
            .Except(Watching.Rules.Select(rule => rule.Record)).ShouldBeEmpty();
    }

    [Fact]
    public void EveryAlert_SaysHowUrgentItIs_WhatHappens_AndWhereItIsMended()
    {
        var headings = Headings(File.ReadAllText(Path.Combine(Repository.Root, "docs", "runbook.md")));
        foreach (var rule in Watching.Alerts)
        {
            rule.Labels["severity"].ShouldBeOneOf("page", "ticket");
            rule.Annotations["summary"].ShouldNotBeNullOrWhiteSpace(rule.Alert);
            rule.Annotations["description"].ShouldNotBeNullOrWhiteSpace(rule.Alert);
            rule.Annotations["runbook_url"].ShouldBe($"docs/runbook.md#{rule.Alert!.ToLowerInvariant()}");
            headings.ShouldContain(rule.Alert);
        }
        // And none is left of an alert that is gone.
        headings.Where(heading => heading.StartsWith("Lyceum", StringComparison.Ordinal))
            .ShouldBe(Watching.Alerts.Select(rule => rule.Alert!), ignoreOrder: true);
    }

    /// <summary>What it means, what people see, how to see the cause, how to mend it.</summary>
    [Fact]
    public void EveryRunbook_HasItsFourParts()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "runbook.md"));
        foreach (var rule in Watching.Alerts)
        {
            var section = text.Split($"## {rule.Alert}\n")[1].Split("\n## ")[0];
            foreach (var part in (string[])["**Means.**", "**People see.**", "**See the cause.**", "**Mend.**"])
                section.ShouldContain(part, customMessage: rule.Alert);
        }
    }

    private static List<string> Headings(string markdown) => [.. Heading().Matches(markdown).Select(heading => heading.Value[3..])];

    private static void RequirePromtool() =>
        Assert.SkipUnless(File.Exists(Promtool), "promtool is not installed (Debian package prometheus)");

    private static async Task RunAsync(string[] arguments, string folder)
    {
        using var promtool = Process.Start(new ProcessStartInfo(Promtool, arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var output = promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
        promtool.ExitCode.ShouldBe(0, await output + errors);
    }

    [GeneratedRegex("^## .+$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
