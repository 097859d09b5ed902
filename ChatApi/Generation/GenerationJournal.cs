using System.Diagnostics;
using System.Threading.Channels;
using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Generation;

/// <summary>
/// The one writer of this replica: record first, then show (rule 1).
/// <para>
/// (1) A generation appends text and queues itself. (2) The loop takes everything that all queued generations have
/// produced since its last commit, at most one row per generation, and (3) inserts it in ONE statement that locks the
/// owner's row and checks every epoch. (4) Only after that commit are the readers woken. A batch whose commit failed is
/// kept as it is and tried again until it is in, or until this process no longer owns it: nothing is skipped, nothing is
/// shown early. While the database is away generations run into <see cref="GenerationOptions.MaxUncommittedBytes"/> and
/// pause.
/// </para>
/// <para>Figures for the shape (one multi-row insert, parallel arrays through unnest): docs/adr/0006.</para>
/// </summary>
public sealed partial class GenerationJournal(
    SystemDataSource source, DatabaseReady ready, IOptions<GenerationOptions> options, ChatMetrics metrics,
    TimeProvider time, ILogger<GenerationJournal> logger) : BackgroundService, IJournal
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

    // After a failure nobody knows whether the batch was committed. Rows at our positions can only be our own.
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

    private readonly GenerationOptions _options = options.Value;

    // Unbounded in type, bounded in fact: a generation is in it at most once, and MaxRunning bounds generations.
    private readonly Channel<RunningGeneration> _queue = Channel.CreateUnbounded<RunningGeneration>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly Batch _batch = new();
    private NpgsqlConnection? _connection;

    /// <summary>Raised on the journal's loop.</summary>
    public event Action<RunningGeneration>? Committed;

    public void Enqueue(RunningGeneration generation)
    {
        if (generation.TryEnqueue())
            _queue.Writer.TryWrite(generation);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ready.WaitAsync(stoppingToken);
            while (await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                var started = time.GetTimestamp();
                _batch.Fill(_queue, _options.MaxBatchRows);
                if (_batch.Count > 0)
                    await CommitAsync(stoppingToken);

                var left = _options.CommitInterval - time.GetElapsedTime(started);
                if (left > TimeSpan.FromMilliseconds(1))
                    await Task.Delay(left, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped after every generation has ended (GenerationRunner stops first): nothing is left to write.
        }
        finally
        {
            await DropConnectionAsync();
        }
    }

    private async Task CommitAsync(CancellationToken stoppingToken)
    {
        for (var attempt = 0; _batch.Count > 0; attempt++)
        {
            try
            {
                var started = Stopwatch.GetTimestamp();
                _connection ??= await source.OpenConnectionAsync(stoppingToken);
                var written = await WriteAsync(attempt == 0 ? Insert : InsertAgain, stoppingToken);
                metrics.JournalCommitted(_batch.Count, _batch.Bytes, Stopwatch.GetElapsedTime(started));
                if (attempt == 0 && written == _batch.Count)
                    _batch.MarkCommitted(Committed);
                else
                    await SettleAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
                if (attempt == 0)
                    LogRetry(logger, _batch.Count, e.Message);
                metrics.JournalRetried();
                await DropConnectionAsync();
                await Task.Delay(TimeSpan.FromMilliseconds(attempt < 5 ? 50 : 500), time, stoppingToken);
            }
        }
    }

    private async Task<int> WriteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Command(sql);
        command.Parameters.Add(new() { Value = _batch.Bodies, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        await command.PrepareAsync(cancellationToken);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Some rows were refused, or a former attempt is in doubt. What is not ours any more is fenced off. What is ours and in is
    /// committed; what is ours and not in stays in the batch: ownership may have become visible only after the insert looked.
    /// </summary>
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        // In this order: who still owns a generation now was the only one to write it before.
        var written = await IdsAsync(Written, cancellationToken);
        var mine = await IdsAsync(StillOwned, cancellationToken);
        foreach (var lost in _batch.RemoveAllBut(mine))
        {
            LogFenced(logger, lost.Id, lost.Epoch);
            lost.OnFenced();
        }
        _batch.MarkCommitted(Committed, written);
    }

    private async Task<HashSet<Guid>> IdsAsync(string sql, CancellationToken cancellationToken)
    {
        var ids = new HashSet<Guid>();
        await using var command = Command(sql);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            ids.Add(reader.GetGuid(0));
        return ids;
    }

    private NpgsqlCommand Command(string sql)
    {
        var command = new NpgsqlCommand(sql, _connection);
        command.Parameters.Add(new() { Value = _batch.Owner });
        command.Parameters.Add(new() { Value = _batch.Ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = _batch.Epochs, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });
        command.Parameters.Add(new() { Value = _batch.Offsets, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });
        return command;
    }

    private async Task DropConnectionAsync()
    {
        if (_connection is { } broken)
        {
            _connection = null;
            await broken.DisposeAsync();
        }
    }

    /// <summary>What one commit holds: parallel arrays, reused. All of one owner; another owner's wait for the next.</summary>
    private sealed class Batch
    {
        private readonly List<(RunningGeneration Generation, int End)> _generations = [];

        public Guid Owner { get; private set; }
        public List<Guid> Ids { get; } = [];
        public List<int> Epochs { get; } = [];
        public List<int> Offsets { get; } = [];
        public List<string> Bodies { get; } = [];
        public int Count => _generations.Count;
        public int Bytes { get; private set; }

        public void Fill(Channel<RunningGeneration> queue, int max)
        {
            Clear();
            while (Count < max && queue.Reader.TryRead(out var generation))
            {
                if (Count > 0 && generation.Owner != Owner)
                {
                    queue.Writer.TryWrite(generation);
                    return;
                }
                if (generation.Fenced.IsCancellationRequested || generation.Take() is not { } chunk)
                    continue;
                Owner = generation.Owner;
                Ids.Add(generation.Id);
                Epochs.Add(generation.Epoch);
                Offsets.Add(chunk.ByteOffset);
                Bodies.Add(chunk.Body);
                Bytes += chunk.End - chunk.ByteOffset;
                _generations.Add((generation, chunk.End));
            }
        }

        public void MarkCommitted(Action<RunningGeneration>? also)
        {
            foreach (var (generation, end) in _generations)
            {
                generation.OnCommitted(end);
                also?.Invoke(generation);
            }
            Clear();
        }

        public void MarkCommitted(Action<RunningGeneration>? also, HashSet<Guid> written)
        {
            for (var i = Count - 1; i >= 0; i--)
            {
                if (!written.Contains(Ids[i]))
                    continue;
                var (generation, end) = _generations[i];
                RemoveAt(i);
                generation.OnCommitted(end);
                also?.Invoke(generation);
            }
        }

        public List<RunningGeneration> RemoveAllBut(HashSet<Guid> mine)
        {
            var lost = new List<RunningGeneration>();
            for (var i = Count - 1; i >= 0; i--)
            {
                if (mine.Contains(Ids[i]))
                    continue;
                lost.Add(_generations[i].Generation);
                RemoveAt(i);
            }
            return lost;
        }

        private void RemoveAt(int i)
        {
            _generations.RemoveAt(i);
            Ids.RemoveAt(i);
            Epochs.RemoveAt(i);
            Offsets.RemoveAt(i);
            Bodies.RemoveAt(i);
        }

        private void Clear()
        {
            _generations.Clear();
            Ids.Clear();
            Epochs.Clear();
            Offsets.Clear();
            Bodies.Clear();
            Bytes = 0;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Journal commit of {Rows} rows failed, trying until it is in: {Reason}")]
    private static partial void LogRetry(ILogger logger, int rows, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Generation {MessageId} has another owner now (epoch {Epoch} is over)")]
    private static partial void LogFenced(ILogger logger, Guid messageId, int epoch);
}
