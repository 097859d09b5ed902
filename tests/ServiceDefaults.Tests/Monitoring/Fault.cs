using System.Globalization;

namespace Lyceum.Tests.ServiceDefaults.Tests.Monitoring;

/// <summary>
/// A system that is well for <paramref name="Well"/> minutes, and then is not: some of its series go on otherwise.
/// </summary>
/// <param name="Name">What breaks.</param>
/// <param name="Alert">The one alert that says so; null: none does.</param>
/// <param name="Within">Minutes from the fault within which it fires.</param>
/// <param name="Broken">Series that go on otherwise, or begin, with the fault.</param>
/// <param name="Objective">Of an alert for error budgets.</param>
/// <param name="Ends">Minutes after which the fault is over; 0: it is not.</param>
/// <param name="Step">Minutes between two evaluations of the rules: 5 keep a day short.</param>
/// <param name="IsLong">A day; another shows nearly the same in an hour.</param>
/// <param name="Also">Where the time before was short, this alert fires as well.</param>
internal sealed record Fault(
    string Name, string? Alert, int Within, IReadOnlyList<Series> Broken, string? Objective = null, int Well = 10, int Ends = 0, int Step = 1,
    bool IsLong = false, string? Also = null)
{
    /// <summary>A small school's system, every series that a rule reads, while all is well.</summary>
    private static readonly Series[] Healthy =
    [
        .. new[] { "gateway", "chat-api", "session-api", "roadmap-worker", "gpu-engine" }
            .Select(service => Series.Level($"up{{job=\"lyceum-{service}\",instance=\"{service}:1\"}}", 1)),
        Series.Level("lyceum_engine_model_server_up{instance=\"gpu-engine:1\"}", 1),
        Series.Level("lyceum_engines_announced{instance=\"chat-api:1\"}", 1),
        Series.Level("lyceum_broker_up{instance=\"chat-api:1\"}", 1),
        Series.Level("lyceum_broker_up{instance=\"session-api:1\"}", 1),
        // There since a stall that is long over.
        Series.Level("lyceum_loop_stalled_seconds{job=\"lyceum-chat-api\",instance=\"chat-api:1\",loop=\"AnswerEnds\",cause=\"connection\"}", 0),
        Series.Level("lyceum_replication_required{instance=\"chat-api:1\"}", 1),
        Series.Level("lyceum_replication_standbys{instance=\"chat-api:1\"}", 2),
        Series.Level("lyceum_replication_waiting{instance=\"chat-api:1\"}", 0),
        Series.Level("lyceum_engine_transcript_kept_bytes{instance=\"gpu-engine:1\"}", 1e6),
        Series.Level("lyceum_engine_transcript_limit_bytes{instance=\"gpu-engine:1\"}", 1e9),
        Series.Level("lyceum_engine_transcript_free_bytes{instance=\"gpu-engine:1\"}", 2e11),
        Series.Level("node_filesystem_avail_bytes{instance=\"node:9100\",mountpoint=\"/\",fstype=\"ext4\"}", 3e11),
        Series.Level("node_filesystem_size_bytes{instance=\"node:9100\",mountpoint=\"/\",fstype=\"ext4\"}", 1e12),
        // Always full, and no disk.
        Series.Level("node_filesystem_avail_bytes{instance=\"node:9100\",mountpoint=\"/snap\",fstype=\"squashfs\"}", 0),
        Series.Level("node_filesystem_size_bytes{instance=\"node:9100\",mountpoint=\"/snap\",fstype=\"squashfs\"}", 1e8),
        Series.Level("lyceum_gateway_tls_remaining_seconds{instance=\"gateway:1\"}", 60 * 86400),
        // Made again each minute, as no backup is; a test of days would need days of them.
        Series.Count("lyceum_backup_last_success_timestamp_seconds{instance=\"node:9100\"}", 60),
        Series.Count("lyceum_backup_last_verify_success_timestamp_seconds{instance=\"node:9100\"}", 60),
        Series.Level("lyceum_backup_size_bytes{instance=\"node:9100\"}", 5e9),
        Series.Count("lyceum_chat_first_token_seconds_count", 10), Series.Count("lyceum_chat_first_token_seconds_bucket{le=\"10\"}", 10),
        Series.Count("lyceum_chat_unanswered_total", 0),
        Series.Count("lyceum_chat_lateness_seconds_count", 600), Series.Count("lyceum_chat_lateness_seconds_bucket{le=\"0.25\"}", 600),
        Series.Count("lyceum_chat_journal_written_bytes_total", 50_000), Series.Count("lyceum_chat_lost_bytes_total", 0),
        Series.Count("lyceum_jobs_ended_total{kind=\"roadmap\",status=\"completed\"}", 1),
        Series.Count("lyceum_jobs_ended_total{kind=\"roadmap\",status=\"cancelled\"}", 1),
        Series.Count(SignIns("count", "200"), 5), Series.Count(SignIns("bucket", "200", "2.5"), 5),
        // Wrong passwords, which are nobody's fault here.
        Series.Count(SignIns("count", "401"), 1), Series.Count(SignIns("bucket", "401", "2.5"), 1),
        // Somebody is over a rate, which is what rates are for.
        Series.Count("lyceum_gateway_limits_refused_total{code=\"rate_limited\"}", 3),
    ];

    private const int Day = 24 * 60;

    private const string Slowly = "LyceumErrorBudgetBurnsSlowly";

    public static readonly IReadOnlyList<Fault> All =
    [
        new("nothing", null, 60, [], Step: 5),
        .. new[] { "gateway", "chat-api", "session-api", "roadmap-worker" }.Select(service =>
            new Fault($"{service} is down", "LyceumServiceDown", 3, [Series.Level($"up{{job=\"lyceum-{service}\",instance=\"{service}:1\"}}", 0)])),
        new("the engine is down", "LyceumEngineDown", 4, [Series.Level("up{job=\"lyceum-gpu-engine\",instance=\"gpu-engine:1\"}", 0)]),
        new("the model server is down", "LyceumEngineDown", 4, [Series.Level("lyceum_engine_model_server_up{instance=\"gpu-engine:1\"}", 0)]),
        new("no engine announces itself", "LyceumEngineDown", 4, [Series.Level("lyceum_engines_announced{instance=\"chat-api:1\"}", 0)]),
        new("the broker is down", "LyceumBrokerDown", 6, [
            Series.Level("lyceum_broker_up{instance=\"chat-api:1\"}", 0), Series.Level("lyceum_broker_up{instance=\"session-api:1\"}", 0)]),
        new("one service is without the broker", null, 20, [Series.Level("lyceum_broker_up{instance=\"chat-api:1\"}", 0)]),
        new("the journal stalls", "LyceumJournalStalled", 2, [Series.Count(
            "lyceum_loop_stalled_seconds{job=\"lyceum-chat-api\",instance=\"chat-api:1\",loop=\"GenerationJournal\",cause=\"deployment\"}", 60)]),
        new("a value is refused", "LyceumDataRejected", 1, [
            Series.Begins("lyceum_loop_rejected_total{job=\"lyceum-chat-api\",instance=\"chat-api:1\",loop=\"GenerationJournal\"}", 1)]),
        new("all standbys are gone", "LyceumReplicationLost", 2, [Series.Level("lyceum_replication_standbys{instance=\"chat-api:1\"}", 0)]),
        new("commits wait for a standby", "LyceumReplicationLost", 2, [Series.Level("lyceum_replication_waiting{instance=\"chat-api:1\"}", 3)]),
        new("transcripts are not forwarded", "LyceumTranscriptsWaiting", 11, [
            Series.Level("lyceum_engine_transcript_kept_bytes{instance=\"gpu-engine:1\"}", 6e8)]),
        new("the disk is nearly full", "LyceumDiskFilling", 11, [
            Series.Level("node_filesystem_avail_bytes{instance=\"node:9100\",mountpoint=\"/\",fstype=\"ext4\"}", 9e10)]),
        new("the disk will be full tomorrow", "LyceumDiskFilling", 60, [
            Series.From("node_filesystem_avail_bytes{instance=\"node:9100\",mountpoint=\"/\",fstype=\"ext4\"}", 3e11, -5e8)], Step: 5),
        new("the disk of the transcripts is full", "LyceumDiskFilling", 11, [
            Series.Level("lyceum_engine_transcript_free_bytes{instance=\"gpu-engine:1\"}", 5e8)]),
        new("the gateway's certificate expires", "LyceumCertificateExpires", 65, [
            Series.Level("lyceum_gateway_tls_remaining_seconds{instance=\"gateway:1\"}", 13 * 86400)], Step: 5),
        new("the proxy's certificate expires", "LyceumCertificateExpires", 65, [
            Series.Begins("probe_ssl_earliest_cert_expiry{instance=\"https://lyceum.example\"}", 13 * 86400)], Step: 5),
        new("the backup fails", "LyceumBackupOld", 65, [
            Series.Level("lyceum_backup_last_success_timestamp_seconds{instance=\"node:9100\"}", -26 * 3600)], Step: 5),
        new("there is no backup", "LyceumBackupOld", 75, [
            Series.Gone("lyceum_backup_last_success_timestamp_seconds{instance=\"node:9100\"}")], Step: 5),
        new("the backup is not verified", "LyceumBackupUnverified", 65, [
            Series.Level("lyceum_backup_last_verify_success_timestamp_seconds{instance=\"node:9100\"}", -8 * 86400)], Step: 5),
        new("the backup is half empty", "LyceumBackupShrank", 65,
            [Series.Level("lyceum_backup_size_bytes{instance=\"node:9100\"}", 2e9)], Step: 5),
        new("a person's budget is spent", "LyceumBudgetSpent", 1, [
            Series.Begins("lyceum_gateway_limits_refused_total{code=\"budget_exhausted\"}", 1)]),

        new("no question has its first word in time", "LyceumErrorBudgetBurnsFast", 30,
            [Series.Count("lyceum_chat_first_token_seconds_bucket{le=\"10\"}", 0)], "first_token", Well: 60, Step: 5, Also: Slowly),
        new("no question is answered at all", "LyceumErrorBudgetBurnsFast", 30,
            [
                Series.Count("lyceum_chat_unanswered_total", 10), Series.Count("lyceum_chat_first_token_seconds_count", 0),
                Series.Count("lyceum_chat_first_token_seconds_bucket{le=\"10\"}", 0),
                Series.Count("lyceum_chat_lateness_seconds_count", 0), Series.Count("lyceum_chat_lateness_seconds_bucket{le=\"0.25\"}", 0),
                Series.Count("lyceum_chat_journal_written_bytes_total", 0),
            ],
            "first_token", Well: 20 * 60, Step: 5, IsLong: true),
        new("answers are shown late", "LyceumErrorBudgetBurnsFast", 15,
            [Series.Count("lyceum_chat_lateness_seconds_bucket{le=\"0.25\"}", 0)], "lateness", Well: 60, Step: 5),
        new("shown text is lost", "LyceumErrorBudgetBurnsFast", 5,
            [Series.Count("lyceum_chat_lost_bytes_total", 100)], "lost_bytes", Well: 10),
        new("tasks fail", "LyceumErrorBudgetBurnsFast", 30,
            [
                Series.Count("lyceum_jobs_ended_total{kind=\"roadmap\",status=\"completed\"}", 0),
                Series.Count("lyceum_jobs_ended_total{kind=\"roadmap\",status=\"failed\"}", 1),
            ],
            "job_completion", Well: 60, Step: 5, Also: Slowly),
        new("tasks fail after a good day", "LyceumErrorBudgetBurnsFast", 30,
            [
                Series.Count("lyceum_jobs_ended_total{kind=\"roadmap\",status=\"completed\"}", 0),
                Series.Count("lyceum_jobs_ended_total{kind=\"roadmap\",status=\"failed\"}", 1),
            ],
            "job_completion", Well: Day, Step: 5, IsLong: true),
        new("nobody can sign in", "LyceumErrorBudgetBurnsFast", 15,
            [
                Series.Count(SignIns("count", "200"), 0), Series.Count(SignIns("bucket", "200", "2.5"), 0),
                Series.Count(SignIns("count", "503"), 5), Series.Count(SignIns("bucket", "503", "2.5"), 5),
            ],
            "sign_in", Well: 60, Step: 5),
        new("signing in is slow", "LyceumErrorBudgetBurnsFast", 15, [Series.Count(SignIns("bucket", "200", "2.5"), 0)],
            "sign_in", Well: 60, Step: 5),
        new("one answer in twenty is late, for hours", "LyceumErrorBudgetBurnsSlowly", 7 * 60,
            [Series.Count("lyceum_chat_lateness_seconds_bucket{le=\"0.25\"}", 570)], "lateness", Well: Day, Step: 5, IsLong: true),
        new("one answer in forty is late, for half an hour", "LyceumErrorBudgetBurnsSlowly", 40,
            [Series.Count("lyceum_chat_lateness_seconds_bucket{le=\"0.25\"}", 585)], "lateness", Step: 5),
        new("half an hour's outage is over", "LyceumErrorBudgetSpent", 8 * 60,
            [Series.Count("lyceum_chat_lateness_seconds_bucket{le=\"0.25\"}", 0)], "lateness", Ends: 30, Step: 5),
        new("one question fails at night", null, 60,
            [Series.Begins("lyceum_chat_unanswered_total{instance=\"b\"}", 1), Series.Count("lyceum_chat_first_token_seconds_count", 0),
             Series.Count("lyceum_chat_first_token_seconds_bucket{le=\"10\"}", 0)], Well: 60, Step: 5),
    ];

    public override string ToString() => Name;

    /// <summary>A test of promtool: whatever fires, before the fault and when its alert must, is listed in full.</summary>
    public string ToPromtool()
    {
        var series = Healthy.Where(well => Broken.All(broken => broken.Selector != well.Selector)).Select(well => (well.Selector, Values(well, well)))
            .Concat(Broken.Select(broken => (broken.Selector, Values(Healthy.FirstOrDefault(well => well.Selector == broken.Selector), broken))));
        var files = string.Join(", ", Watching.RuleFiles.Select(file => $"'{file}'"));
        return $"""
            rule_files: [{files}]
            evaluation_interval: {Step}m
            tests:
              - interval: 1m
                input_series:
            {string.Join('\n', series.Select(one => $"      - {{series: '{one.Selector}', values: '{one.Item2}'}}"))}
                promql_expr_test:
            {Firing(Well - Step)}
            {Firing(Well + Within, [.. new[] { Alert, Also }.OfType<string>()])}
            """;
    }

    private string Firing(int minute, params string[] alerts)
    {
        var objective = Objective is null ? "" : $",objective=\"{Objective}\"";
        var samples = alerts.Select(alert => (alert, Watching.Alerts.First(rule => rule.Alert == alert).Labels["severity"]))
            .Select(alert => $"{{labels: '{{alertname=\"{alert.alert}\",severity=\"{alert.Item2}\"{objective}}}', value: 1}}");
        return $"""
                  - expr: group by (alertname, severity, objective) (ALERTS{Quoted})
                    eval_time: {minute}m
                    exp_samples: [{string.Join(", ", samples)}]
            """;
    }

    private const string Quoted = "{alertstate=\"firing\"}";

    private static string SignIns(string part, string status, string? le = null) =>
        $"http_server_request_duration_seconds_{part}{{job=\"lyceum-gateway\",http_route=\"/api/auth/login\",http_response_status_code=\"{status}\""
        + (le is null ? "}" : $",le=\"{le}\"}}");

    /// <summary>Sample by sample, in promtool's notation: as if well, then as broken, then as if well again.</summary>
    private string Values(Series? well, Series broken)
    {
        var (parts, at) = (new List<string>(), 0.0);
        Add(well, Well);
        Add(broken, Ends == 0 ? Within + 1 : Ends);
        if (Ends > 0)
            Add(well, Within - Ends + 1);
        return string.Join(' ', parts);

        void Add(Series? kind, int samples)
        {
            if (kind?.Start is null && kind?.Step is null)
            {
                parts.Add($"_x{samples}");
                return;
            }
            at = kind.Start ?? at;
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{at}{kind.Step:+0.#;-0.#;+0}x{samples - 1}"));
            at += (kind.Step ?? 0) * samples;
        }
    }
}

/// <summary>How a series goes on from some moment.</summary>
/// <param name="Start">Its first value; null: the last one it had.</param>
/// <param name="Step">What is added each minute.</param>
internal sealed record Series(string Selector, double? Start, double? Step)
{
    public static Series Level(string selector, double value) => new(selector, value, 0);

    public static Series Count(string selector, double perMinute) => new(selector, null, perMinute);

    public static Series From(string selector, double value, double perMinute) => new(selector, value, perMinute);

    /// <summary>It was not there, and stays as it begins.</summary>
    public static Series Begins(string selector, double value) => new(selector, value, 0);

    public static Series Gone(string selector) => new(selector, null, null);
}
