using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Tests.Bench;

/// <summary>
/// Bytes of write-ahead log per byte of answer, everything that the database server wrote meanwhile included: questions,
/// chunks, leases, ends, other services. Measured with a checkpoint just before (every page that is touched is logged
/// whole once) and without (none is, unless the server began one of its own: the page images tell), and with the vacuum
/// that the deleted chunks lead to sooner or later.
/// </summary>
internal sealed class WalCost(RunningSystem system, Load load) : IAsyncDisposable
{
    private NpgsqlDataSource? _source;

    public async Task<int> RunAsync(TextWriter output, bool details, CancellationToken cancel)
    {
        _source = NpgsqlDataSource.Create(await system.AdministratorAsync("chat-api", "chatdb", cancel));
        // The server's own view of its log, in a schema of its own so that the product's stays as it is.
        await ExecuteAsync("CREATE SCHEMA IF NOT EXISTS bench; CREATE EXTENSION IF NOT EXISTS pg_walinspect SCHEMA bench", cancel);
        using var bench = new ChatBench(await Target.GatewayAsync(system, cancel), load);
        await bench.WarmUpAsync(cancel);

        var good = true;
        foreach (var checkpoint in (bool[])[true, false])
        {
            await ExecuteAsync("VACUUM", cancel);
            if (checkpoint)
                await ExecuteAsync("CHECKPOINT", cancel);
            var start = await PositionAsync(cancel);
            var result = await bench.MeasureAsync(cancel);
            var end = await PositionAsync(cancel);
            await ExecuteAsync("VACUUM generation_chunks", cancel);
            var vacuumed = await PositionAsync(cancel);

            good &= result.AllGood;
            result.ValidationErrors.ForEach(output.WriteLine);
            var images = await PageImagesAsync(start, end, cancel);
            await output.WriteLineAsync(
                FormattableString.Invariant($"[perf] wal streams={load.Streams} rate={load.Rate} answer_bytes={result.Bytes} ") +
                FormattableString.Invariant($"wal_bytes={end - start} per_byte={Per(end - start):0.0} page_images_per_byte={Per(images):0.0} ") +
                FormattableString.Invariant($"with_vacuum_per_byte={Per(vacuumed - start):0.0} ") +
                $"checkpoint={(checkpoint ? "just_before" : "not_forced")}");
            if (details)
                await DetailAsync(output, start, end, cancel);

            double Per(ulong bytes) => (double)bytes / result.Bytes;
        }
        return good ? 0 : 1;
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
            await _source.DisposeAsync();
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancel)
    {
        await using var command = _source!.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The end of the log.</summary>
    private async Task<ulong> PositionAsync(CancellationToken cancel)
    {
        await using var command = _source!.CreateCommand("SELECT pg_current_wal_insert_lsn()");
        return (ulong)(NpgsqlLogSequenceNumber)(await command.ExecuteScalarAsync(cancel))!;
    }

    private async Task<ulong> PageImagesAsync(ulong start, ulong end, CancellationToken cancel)
    {
        await using var command = Between("SELECT COALESCE(sum(fpi_size), 0)::bigint FROM bench.pg_get_wal_stats($1, $2)", start, end);
        return (ulong)(long)(await command.ExecuteScalarAsync(cancel))!;
    }

    /// <summary>Which kinds of records the bytes are in, the largest first.</summary>
    private async Task DetailAsync(TextWriter output, ulong start, ulong end, CancellationToken cancel)
    {
        await using var command = Between(
            """
            SELECT "resource_manager/record_type", count, record_size, fpi_size FROM bench.pg_get_wal_stats($1, $2, true)
            WHERE count > 0 ORDER BY combined_size DESC LIMIT 12
            """, start, end);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            await output.WriteLineAsync(
                $"    {reader.GetString(0),-32} {reader.GetInt64(1),8} records {reader.GetInt64(2),10} bytes {reader.GetInt64(3),10} of page images");
        }
    }

    private NpgsqlCommand Between(string sql, ulong start, ulong end)
    {
        var command = _source!.CreateCommand(sql);
        command.Parameters.Add(new() { Value = new NpgsqlLogSequenceNumber(start), NpgsqlDbType = NpgsqlDbType.PgLsn });
        command.Parameters.Add(new() { Value = new NpgsqlLogSequenceNumber(end), NpgsqlDbType = NpgsqlDbType.PgLsn });
        return command;
    }
}
