using System.Net;
using System.Text.RegularExpressions;
using Lyceum.Tests.IntegrationTests.Roadmaps;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.IntegrationTests.Telemetry;

/// <summary>What rules and dashboards read is there: they are asked of a system that was used.</summary>
[Collection(PrimerCollection.Name)]
public sealed partial class WatchedMetricsTests(SharedSystem system)
{
    /// <summary>What others than the services expose.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new(StringComparer.Ordinal)
    {
        ["up"] = "Prometheus",
        ["ALERTS"] = "Prometheus",
        ["lyceum_backup_last_success_timestamp_seconds"] = "the backup, through node_exporter's textfile collector",
        ["lyceum_backup_last_verify_success_timestamp_seconds"] = "the backup",
        ["lyceum_backup_size_bytes"] = "the backup",
        ["node_filesystem_avail_bytes"] = "node_exporter",
        ["node_filesystem_size_bytes"] = "node_exporter",
        ["pg_database_size_bytes"] = "postgres_exporter",
        ["pg_stat_database_xact_commit"] = "postgres_exporter",
        ["probe_ssl_earliest_cert_expiry"] = "blackbox_exporter",
        ["rabbitmq_queue_messages_ready"] = "RabbitMQ's plugin rabbitmq_prometheus",
        ["rabbitmq_queue_messages_unacked"] = "RabbitMQ's plugin rabbitmq_prometheus",
    };

    /// <summary>What only a system has that something happened to, or with other equipment: they are found in the sources.</summary>
    private static readonly HashSet<string> Rare =
    [
        "lyceum_chat_journal_retries_total", "lyceum_chat_takeovers_total", "lyceum_chat_asked_again_total", "lyceum_chat_partial_saves_total",
        "lyceum_chat_readers_cut_total", "lyceum_chat_grounded_total",
        "lyceum_jobs_retried_total", "lyceum_jobs_lost_total", "lyceum_jobs_fenced_total",
        "lyceum_loop_stalled_seconds", "lyceum_loop_rejected_total", "lyceum_hints_dropped_total", "lyceum_retention_deleted_total",
        "lyceum_gateway_limits_refused_total", "lyceum_gateway_tls_remaining_seconds",
        "lyceum_gateway_observed_events_total", "lyceum_gateway_observed_commit_seconds_bucket",
        "lyceum_engine_model_server_up", "lyceum_engine_model_server_restarts_total",
        "lyceum_engine_sessions_sockets", "lyceum_engine_sessions_turns_total", "lyceum_engine_sessions_refused_total",
        "lyceum_engine_transcript_commit_seconds_bucket",
        "hw_gpu_memory_usage_bytes", "hw_gpu_memory_limit_bytes", "hw_gpu_utilization_ratio", "hw_temperature_celsius", "hw_power_watts",
    ];

    [Fact]
    public async Task EveryMetric_OfRulesAndDashboards_IsExposed()
    {
        _ = system.App;
        using var limit = new CancellationTokenSource(Eventually.Limit);
        using var chat = system.CreateChatClient();
        await using (var asked = await chat.AskAsync("How do I learn well?"))
            await asked.ToEndAsync();
        await RoadmapExtensions.EndAsync(chat.Http, await RoadmapExtensions.GenerateAsync(chat.Http, "Python"), limit.Token);
        using (var stranger = system.CreateAnonymousClient())
        {
            using var refused = await stranger.GetAsync("/api/conversations", limit.Token);
            refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }

        var declared = Declared();
        string[] services = ["gateway", "session-api", "gpu-engine", .. SharedSystem.Replicas, .. RoadmapExtensions.Workers];
        List<string> missing = [];
        await Eventually.TrueAsync(async () =>
        {
            var exposed = new HashSet<string>(StringComparer.Ordinal);
            foreach (var service in services)
                exposed.UnionWith(await ExposedAsync(service, limit.Token));
            missing = [.. Watching.Metrics.Where(read => !exposed.Contains(read.Key) && !Elsewhere.ContainsKey(read.Key)
                    && !(Rare.Contains(read.Key) && declared.Exists(instrument => instrument.IsMatch(read.Key))))
                .Select(read => $"{read.Key} of {read.Value}")];
            return missing.Count == 0 || limit.IsCancellationRequested;
        }, "every metric is exposed");
        missing.ShouldBeEmpty();
    }

    [Fact]
    public void Exceptions_AreOfMetricsThatAreRead() => Elsewhere.Keys.Concat(Rare).Except(Watching.Metrics.Keys).ShouldBeEmpty();

    private async Task<IEnumerable<string>> ExposedAsync(string service, CancellationToken cancellationToken)
    {
        using var http = system.CreateServiceClient(service);
        var text = await http.GetStringAsync("/metrics", cancellationToken);
        return text.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line[..line.IndexOfAny(['{', ' '])]);
    }

    /// <summary>Of each instrument in the sources, the names that its series may have.</summary>
    private static List<Regex> Declared() =>
        [.. Directory.EnumerateFiles(Repository.Root, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin" or "tests"))
            .SelectMany(file => Instrument().Matches(File.ReadAllText(file)))
            .Select(instrument => instrument.Groups["name"].Value.Replace('.', '_'))
            .Select(name => new Regex(
                $"^{name}(_seconds|_bytes|_ratio|_celsius|_watts)?(_total|_bucket)?$",
                RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))];

    [GeneratedRegex("""Create(Observable)?(Counter|UpDownCounter|Gauge|Histogram)(<\w+>)?\(\s*"(?<name>[\w.]+)"(,|\s)""", RegexOptions.ExplicitCapture)]
    private static partial Regex Instrument();
}
