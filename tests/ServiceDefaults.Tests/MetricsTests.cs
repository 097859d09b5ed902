using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class MetricsTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    // A name of its own: listeners of tests running beside this one hear it too, but count for themselves.
    private readonly Meter _meter = new("Lyceum.Test");
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(_identity, "chat-api");

    public async ValueTask DisposeAsync()
    {
        _meter.Dispose();
        await _service.DisposeAsync();
        _identity.Dispose();
    }

    private Task<string> ScrapeAsync() => _service.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

    /// <summary>A metric name nobody else uses, so that parallel tests do not meet.</summary>
    private static string Unique(string name) => $"lyceum.test{Guid.NewGuid():N}.{name}";

    private static string Prometheus(string name) => name.Replace('.', '_');

    [Fact]
    public async Task Counter_AddsUp_PerLabels_WhateverTheirOrder()
    {
        var name = Unique("tokens");
        var counter = _meter.CreateCounter<long>(name, "{token}", "Tokens shown.");

        counter.Add(2, new("model", "primer"), new("kind", "delta"));
        counter.Add(3, new("kind", "delta"), new("model", "primer"));
        counter.Add(7, new KeyValuePair<string, object?>("model", "other"));

        var text = await ScrapeAsync();
        text.ShouldContain($"# TYPE {Prometheus(name)}_total counter\n# HELP {Prometheus(name)}_total Tokens shown.\n");
        text.ShouldContain($"{Prometheus(name)}_total{{kind=\"delta\",model=\"primer\"}} 5\n");
        text.ShouldContain($"{Prometheus(name)}_total{{model=\"other\"}} 7\n");
    }

    [Fact]
    public async Task Histogram_HasCumulativeBuckets_OfTheBoundsItAdvises()
    {
        var name = Unique("wait");
        var histogram = _meter.CreateHistogram(
            name, "s", "Waiting.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.05] });

        histogram.Record(0.005);
        histogram.Record(0.02);
        histogram.Record(2);

        var text = await ScrapeAsync();
        var metric = Prometheus(name) + "_seconds";
        text.ShouldContain($"# TYPE {metric} histogram\n");
        text.ShouldContain($"{metric}_bucket{{le=\"0.005\"}} 1\n{metric}_bucket{{le=\"0.05\"}} 2\n{metric}_bucket{{le=\"+Inf\"}} 3\n");
        text.ShouldContain($"{metric}_sum{{}} 2.025\n{metric}_count{{}} 3\n");
    }

    [Theory]
    [InlineData("Cel", "celsius")]
    [InlineData("W", "watts")]
    [InlineData("1", "ratio")]
    public async Task Gauge_IsNamedByItsUnit(string unit, string suffix)
    {
        var name = Unique("level");
        _meter.CreateGauge<double>(name, unit).Record(0.5);

        (await ScrapeAsync()).ShouldContain($"{Prometheus(name)}_{suffix}{{}} 0.5\n");
    }

    [Fact]
    public async Task Gauges_Set_And_UpDownCounters_Sum()
    {
        var (level, open, observed) = (Unique("level"), Unique("open"), Unique("observed"));
        var gauge = _meter.CreateGauge<int>(level);
        var upDown = _meter.CreateUpDownCounter<int>(open);
        var value = 1;
        _meter.CreateObservableGauge(observed, () => value, "By");

        gauge.Record(5);
        gauge.Record(3);
        upDown.Add(5);
        upDown.Add(-2);
        await ScrapeAsync();
        value = 4;

        var text = await ScrapeAsync();
        text.ShouldContain($"{Prometheus(level)}{{}} 3\n");
        text.ShouldContain($"{Prometheus(open)}{{}} 3\n");
        text.ShouldContain($"# TYPE {Prometheus(observed)}_bytes gauge\n");
        text.ShouldContain($"{Prometheus(observed)}_bytes{{}} 4\n");
    }

    [Fact]
    public async Task UnboundedLabel_OverflowsIntoOneSeries()
    {
        var name = Unique("visits");
        var counter = _meter.CreateCounter<int>(name);

        for (var i = 0; i < 5000; i++)
            counter.Add(1, new KeyValuePair<string, object?>("user", i));

        var lines = (await ScrapeAsync()).Split('\n').Where(line => line.StartsWith(Prometheus(name), StringComparison.Ordinal)).ToList();
        lines.Count.ShouldBe(501);
        lines.ShouldContain($"{Prometheus(name)}_total{{otel_metric_overflow=\"true\"}} 4500");
    }

    [Fact]
    public async Task ConcurrentMeasurements_AreAllCounted()
    {
        var name = Unique("busy");
        var counter = _meter.CreateCounter<double>(name);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++)
                counter.Add(0.5, new KeyValuePair<string, object?>("half", worker % 2));
        })));

        var text = await ScrapeAsync();
        text.ShouldContain($"{Prometheus(name)}_total{{half=\"0\"}} 20000\n");
        text.ShouldContain($"{Prometheus(name)}_total{{half=\"1\"}} 20000\n");
    }

    [Fact]
    public async Task BuiltInMeters_AreThere()
    {
        await _service.GetAsync("/nowhere");

        var text = await ScrapeAsync();
        text.ShouldContain("http_server_request_duration_seconds_bucket{");
        text.ShouldContain("http_client_open_connections");
        text.ShouldContain("kestrel_active_connections");
        text.ShouldContain("dotnet_gc_collections_total");
        text.ShouldContain("lyceum_build_info{git_sha=");
    }

    /// <summary>Its own durations are in milliseconds, which promtool refuses, and its counters of what runs now go down again.</summary>
    [Fact]
    public async Task MassTransit_IsMeasuredInSeconds_AndItsCountersOnlyGrow()
    {
        var name = $"messaging.test{Guid.NewGuid():N}.duration";
        using var bus = new Meter("MassTransit");

        bus.CreateHistogram<double>(name, "ms", "Consuming.").Record(250, new KeyValuePair<string, object?>("type", "Ask"));

        bus.CreateCounter<long>($"{name}.active", "ea", "Now.").Add(-1);

        var text = await ScrapeAsync();
        text.ShouldNotContain($"{Prometheus(name)}_active");
        double Value(string part) => double.Parse(text.Split($"{Prometheus(name)}_seconds_{part}{{type=\"Ask\"}} ")[1].Split('\n')[0], CultureInfo.InvariantCulture);
        // Not the sum itself: services of tests beside this one, in the same process, record it too.
        (Value("sum") / Value("count")).ShouldBe(0.25, 1e-9);
        text.ShouldNotContain("milliseconds");
    }

    [Fact]
    public async Task Promtool_AcceptsEverything_NastyLabelsIncluded()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/promtool"), "promtool is not installed (Debian package prometheus)");
        var counter = _meter.CreateCounter<int>(Unique("nasty"), description: "One \\ two\nthree \"four\"");
        foreach (var value in (object?[])["a\"b", "a\\b", "a\nb", "", null, "你好", "\ud800", new string('x', 1000), 1.5, true, "}{,="])
            counter.Add(1, new("value", value), new("1st.name", 1), new("__reserved", 2), new("a.b", 4), new("a_b", 5));
        _meter.CreateHistogram<int>(Unique("size"), "By").Record(10);
        _meter.CreateObservableUpDownCounter(Unique("pool.count"), () => 3);
        _meter.CreateObservableGauge(Unique("load"), () => double.PositiveInfinity, "1");
        await _service.GetAsync("/nowhere");

        using var promtool = Process.Start(new ProcessStartInfo("/usr/bin/promtool", ["check", "metrics"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        await promtool.StandardInput.WriteAsync(await ScrapeAsync());
        promtool.StandardInput.Close();
        var complaints = await promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)
            + await promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);

        promtool.ExitCode.ShouldBe(0, complaints);
        complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Metrics_OfAnotherHostInThisProcess_AreNotMixedIn()
    {
        var name = Unique("kept");
        await using var other = await TestService.StartAsync(_identity, "chat-api");
        foreach (var (host, value) in new[] { (_service, 1), (other, 2) })
        {
            host.Services.GetRequiredService<IMeterFactory>().Create("Lyceum.Same")
                .CreateObservableGauge(name, () => value, "{generation}", "Kept.");
        }

        (await ScrapeAsync()).Split('\n').Where(line => line.StartsWith(Prometheus(name), StringComparison.Ordinal))
            .ShouldBe([$"{Prometheus(name)}{{}} 1"]);
        (await other.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken))
            .ShouldContain($"{Prometheus(name)}{{}} 2\n");
    }
}
