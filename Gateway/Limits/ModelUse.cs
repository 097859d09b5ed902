using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// What models were asked for one person in a day (table <c>model_use</c>), with a budget or without.
/// </summary>
internal sealed class ModelUseRow
{
    public required string Tenant { get; init; }

    /// <summary>UTC.</summary>
    public DateOnly Day { get; init; }

    public required string Person { get; init; }
    public required string Model { get; init; }
    public long Calls { get; init; }
    public long PromptTokens { get; init; }
    public long CompletionTokens { get; init; }
}

internal sealed class ModelUseTable : IEntityTypeConfiguration<ModelUseRow>
{
    public void Configure(EntityTypeBuilder<ModelUseRow> row)
    {
        row.ToTable("model_use");
        row.HasKey(use => new { use.Tenant, use.Day, use.Person, use.Model });
        row.HasIndex(use => use.Day); // what is forgotten
    }
}

/// <summary>
/// Counts use, and writes it each <see cref="Interval"/>. What a killed process had counted since is lost here, never
/// in the budgets.
/// </summary>
internal sealed partial class ModelUse(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<ModelUse> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Cleaning = TimeSpan.FromHours(6);

    /// <summary>
    /// Sums that wait for the database; what is counted for further ones while it is away is not kept.
    /// </summary>
    private const int MaxWaiting = 20_000;

    private const int Kept = 400; // days

    private readonly Lock _lock = new();
    private Dictionary<(string Tenant, DateOnly Day, string Person, string Model), (long Calls, long Prompt, long Completion)> _sums = [];

    public void Count(string tenant, string person, string model, long promptTokens, long completionTokens)
    {
        var key = (tenant, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), person, model);
        lock (_lock)
        {
            var (calls, prompt, completion) = _sums.GetValueOrDefault(key);
            if (calls > 0 || _sums.Count < MaxWaiting)
                _sums[key] = (calls + 1, prompt + promptTokens, completion + completionTokens);
        }
    }

    /// <summary>By person and model, the largest first; at most <paramref name="limit"/>.</summary>
    public async Task<List<(string Person, string Model, long Calls, long Prompt, long Completion)>> SumAsync(
        string tenant, DateOnly from, DateOnly to, int limit, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var command = source.CreateCommand(
            """
            SELECT person, model, sum(calls)::bigint, sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint
            FROM model_use WHERE tenant = $1 AND day BETWEEN $2 AND $3
            GROUP BY person, model ORDER BY sum(prompt_tokens + completion_tokens) DESC, person, model LIMIT $4
            """);
        command.Add(tenant, from, to, limit);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var sums = new List<(string, string, long, long, long)>();
        while (await reader.ReadAsync(cancellationToken))
            sums.Add((reader.GetString(0), reader.GetString(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4)));
        return sums;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var cleaned = time.GetTimestamp() - time.TimestampFrequency * (long)Cleaning.TotalSeconds;
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (!await FlushAsync(stoppingToken) || time.GetElapsedTime(cleaned) < Cleaning)
                    continue;
                cleaned = time.GetTimestamp();
                await ForgetAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Shutdown: StopAsync writes the rest.
        }
    }

    /// <summary>Called after the server has ended all requests.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await FlushAsync(cancellationToken);
    }

    /// <returns>Whether something was written.</returns>
    private async Task<bool> FlushAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_sums.Count == 0)
                return false;
        }
        try
        {
            ready.ThrowIfNotReady();
            await using var connection = await source.OpenConnectionAsync(cancellationToken); // nothing is taken before
            Dictionary<(string Tenant, DateOnly Day, string Person, string Model), (long Calls, long Prompt, long Completion)> sums;
            lock (_lock)
                (sums, _sums) = (_sums, []);
            await WriteAsync(connection, sums, cancellationToken);
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            LogNotWritten(e.Message);
            return false;
        }
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection,
        Dictionary<(string Tenant, DateOnly Day, string Person, string Model), (long Calls, long Prompt, long Completion)> sums,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO model_use AS u (tenant, day, person, model, calls, prompt_tokens, completion_tokens)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (tenant, day, person, model) DO UPDATE SET calls = u.calls + EXCLUDED.calls,
              prompt_tokens = u.prompt_tokens + EXCLUDED.prompt_tokens,
              completion_tokens = u.completion_tokens + EXCLUDED.completion_tokens
            """, connection);
        // In one order, so that replicas do not wait for each other in a circle.
        var rows = sums.OrderBy(sum => sum.Key.Tenant, StringComparer.Ordinal).ThenBy(sum => sum.Key.Day)
            .ThenBy(sum => sum.Key.Person, StringComparer.Ordinal).ThenBy(sum => sum.Key.Model, StringComparer.Ordinal).ToList();
        command.Add(
            rows.ConvertAll(row => row.Key.Tenant).ToArray(), rows.ConvertAll(row => row.Key.Day).ToArray(),
            rows.ConvertAll(row => row.Key.Person).ToArray(), rows.ConvertAll(row => row.Key.Model).ToArray(),
            rows.ConvertAll(row => row.Value.Calls).ToArray(), rows.ConvertAll(row => row.Value.Prompt).ToArray(),
            rows.ConvertAll(row => row.Value.Completion).ToArray());
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task ForgetAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = source.CreateCommand("DELETE FROM model_use WHERE day < $1");
            command.Add(DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).AddDays(-Kept));
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (NpgsqlException e)
        {
            LogNotWritten(e.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Use of models could not be written: {Reason}")]
    private partial void LogNotWritten(string reason);
}
