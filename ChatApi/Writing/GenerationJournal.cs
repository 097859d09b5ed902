using Lyceum.ChatApi.Answers;
using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// The one writer of this replica: record first, then show (rule 1). How commits are shared and retried: Commits/README.md of
/// Durability.
/// <para>
/// A generation appends text and queues itself. A batch has at most one row per generation, which holds all that the generation
/// appended since its last one. The statement locks the owner's row and checks every epoch. Readers are woken after the commit:
/// nothing is skipped, nothing is shown early. While the database is away generations reach
/// <see cref="GenerationOptions.MaxUncommittedBytes"/> and pause.
/// </para>
/// <para>Figures for the shape (one multi-row insert, parallel arrays through unnest): docs/adr/0006.</para>
/// </summary>
public sealed partial class GenerationJournal : GroupCommit<RunningGeneration>, IJournal
{
    // FOR KEY SHARE on the owner's row is the fence: a takeover deletes that row and so waits for us, or we find none.
    private const string Insert =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE)
        INSERT INTO generation_chunks (generation_id, byte_offset, body)
        SELECT c.generation_id, c.byte_offset, c.body
        FROM unnest($2, $3, $4, $5) AS c(generation_id, epoch, byte_offset, body)
        JOIN generations g ON g.id = c.generation_id
        WHERE g.owner = (SELECT id FROM me) AND g.epoch = c.epoch AND g.ended_at IS NULL
        """;

    // After a failure the batch may be in. Rows at our positions can only be our own.
    private const string InsertAgain = Insert + "\nON CONFLICT (generation_id, byte_offset) DO NOTHING";

    // What of a batch is in: rows at its positions.
    private const string Written =
        """
        SELECT k.generation_id FROM unnest($2, $4) AS c(generation_id, byte_offset)
        JOIN generation_chunks k ON k.generation_id = c.generation_id AND k.byte_offset = c.byte_offset
        """;

    private const string StillOwned =
        """
        SELECT g.id FROM unnest($2, $3) AS c(generation_id, epoch)
        JOIN generations g ON g.id = c.generation_id AND g.epoch = c.epoch AND g.ended_at IS NULL
        JOIN owners o ON o.id = g.owner AND o.id = $1
        """;

    private readonly GenerationOptions _options;
    private readonly ChatMetrics _metrics;

    // The batch as parallel arrays, reused. All of one owner; another owner's rows wait for the next batch.
    private readonly List<Guid> _ids = [];
    private readonly List<int> _epochs = [];
    private readonly List<int> _offsets = [];
    private readonly List<string> _bodies = [];
    private Guid _owner;
    private int _number;
    private int _bytes;
    private int _written;

    public GenerationJournal(
        SystemDataSource source, DatabaseReady ready, LoopProgress progress, IOptions<GenerationOptions> options,
        ChatMetrics metrics, TimeProvider time, ILogger<GenerationJournal> logger)
        : base(source, ready, progress, time, logger) => (_options, _metrics) = (options.Value, metrics);

    /// <summary>Raised on the journal's loop.</summary>
    public event Action<RunningGeneration>? Committed;

    protected override int MaxBatch => _options.MaxBatchRows;
    protected override TimeSpan Interval => _options.CommitInterval;

    /// <summary>The queue is bounded: a generation is in it at most once, and MaxRunning bounds generations.</summary>
    public void Enqueue(RunningGeneration generation)
    {
        if (generation.TryEnqueue(Time.GetTimestamp()))
            TryEnqueue(generation);
    }

    protected override Fit Fits(RunningGeneration item)
    {
        if (Batch.Count == 0)
            (_owner, _number) = (item.Owner, _number + 1);
        if (item.Fenced.IsCancellationRequested)
            return Fit.Drop;
        return item.Owner != _owner ? Fit.Later : item.Take(_number);
    }

    protected override async Task WriteAsync(NpgsqlConnection connection, bool again, CancellationToken cancellationToken)
    {
        await using var command = Command(again ? InsertAgain : Insert, connection);
        command.Parameters.Add(new() { Value = _bodies, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        await command.PrepareAsync(cancellationToken);
        _written = await command.ExecuteNonQueryAsync(cancellationToken);
    }

    protected override void OnCommitted(int items, TimeSpan elapsed) => _metrics.JournalCommitted(items, _bytes, elapsed);

    protected override void OnRetry() => _metrics.JournalRetried();

    protected override void Release()
    {
        if (_written < Batch.Count)
            return; // which of them, the settling finds out
        foreach (var generation in Batch)
            Release(generation);
        Batch.Clear();
    }

    protected override void Reject(RunningGeneration item, Exception reason) => item.OnRejected();

    private void Release(RunningGeneration generation)
    {
        _metrics.Shown(Time.GetElapsedTime(generation.UncommittedSince));
        generation.OnCommitted();
        Committed?.Invoke(generation);
    }

    /// <summary>What is ours and not in stays: ownership may have become visible only after the insert read it.</summary>
    protected override async Task SettleAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // In this order: whoever still owns a generation now was the only one to write it before.
        var written = await IdsAsync(Written, connection, cancellationToken);
        var mine = await IdsAsync(StillOwned, connection, cancellationToken);
        for (var i = Batch.Count - 1; i >= 0; i--)
        {
            var generation = Batch[i];
            if (mine.Contains(generation.Id) && !written.Contains(generation.Id))
                continue;
            Batch.RemoveAt(i);
            if (mine.Contains(generation.Id))
            {
                Release(generation);
                continue;
            }
            LogFenced(Logger, generation.Id, generation.Epoch);
            generation.OnFenced();
        }
    }

    private async Task<HashSet<Guid>> IdsAsync(string sql, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var ids = new HashSet<Guid>();
        await using var command = Command(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            ids.Add(reader.GetGuid(0));
        return ids;
    }

    private NpgsqlCommand Command(string sql, NpgsqlConnection connection)
    {
        FillArrays();
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new() { Value = _owner });
        command.Parameters.Add(new() { Value = _ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = _epochs, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });
        command.Parameters.Add(new() { Value = _offsets, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });
        return command;
    }

    private void FillArrays()
    {
        _ids.Clear();
        _epochs.Clear();
        _offsets.Clear();
        _bodies.Clear();
        _bytes = 0;
        foreach (var generation in Batch)
        {
            var chunk = generation.Uncommitted!.Value;
            _ids.Add(generation.Id);
            _epochs.Add(generation.Epoch);
            _offsets.Add(chunk.ByteOffset);
            _bodies.Add(chunk.Body);
            _bytes += chunk.End - chunk.ByteOffset;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Generation {MessageId} owned by another replica, epoch {Epoch} is over")]
    private static partial void LogFenced(ILogger logger, Guid messageId, int epoch);
}
