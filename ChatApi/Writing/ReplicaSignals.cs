using System.Buffers.Text;
using System.Threading.Channels;
using Lyceum.Durability.Postgres;
using Npgsql;

namespace Lyceum.ChatApi.Writing;

/// <summary>What replicas signal to each other about an answer.</summary>
public enum SignalKind
{
    /// <summary>A reader on another replica follows it: signal when it grows.</summary>
    Watch,

    /// <summary>It has grown or ended: readers should read.</summary>
    Grown,

    /// <summary>Its end was asked for (and is recorded): end it now.</summary>
    Stop,
}

/// <summary>
/// Hints between the replicas of ChatApi through the database they share anyway: one LISTEN connection each, and one
/// batched <c>pg_notify</c> every 10 ms at most, in a transaction of its own. (Inside the journal's transaction NOTIFY
/// serialises all commits: measured to halve the throughput at 32 clients.) Only answers that are watched from
/// another replica are notified, so that the ordinary answer, read where it is written, costs nothing here.
/// <para>Every hint may be lost: readers poll, and the sweep stops answers.</para>
/// </summary>
public sealed partial class ReplicaSignals(
    SystemDataSource listening, NpgsqlDataSource sending, DatabaseReady ready, TimeProvider time,
    ILogger<ReplicaSignals> logger) : BackgroundService
{
    private const string ChannelName = "lyceum_chat";
    private const int IdLength = 22;           // a Guid as base64url
    private const int MaxIds = 7900 / IdLength; // a payload is less than 8000 bytes

    /// <summary>How long a <see cref="SignalKind.Watch"/> holds; a reader repeats it well before.</summary>
    public static readonly TimeSpan WatchFor = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan BatchInterval = TimeSpan.FromMilliseconds(10);

    // When full the newest hint is dropped: its reader polls.
    private readonly Channel<(SignalKind Kind, Guid Id)> _outgoing = Channel.CreateBounded<(SignalKind, Guid)>(
        new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Raised for every hint, this replica's own among them, on the listening loop: handlers must not block.</summary>
    public event Action<SignalKind, Guid>? Received;

    /// <summary>Sends a hint to every replica. Never blocks.</summary>
    public void Send(SignalKind kind, Guid id) => _outgoing.Writer.TryWrite((kind, id));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        await Task.WhenAll(SendAsync(stoppingToken), ListenAsync(stoppingToken));
    }

    private async Task SendAsync(CancellationToken stoppingToken)
    {
        var batches = Enum.GetValues<SignalKind>().ToDictionary(kind => kind, _ => new HashSet<Guid>());
        while (await _outgoing.Reader.WaitToReadAsync(stoppingToken))
        {
            while (_outgoing.Reader.TryRead(out var signal))
                batches[signal.Kind].Add(signal.Id);
            try
            {
                foreach (var (kind, ids) in batches)
                {
                    foreach (var chunk in ids.Chunk(MaxIds))
                    {
                        await using var command = sending.CreateCommand($"SELECT pg_notify('{ChannelName}', $1)");
                        command.Parameters.Add(new() { Value = Encode(kind, chunk) });
                        await command.ExecuteNonQueryAsync(stoppingToken);
                    }
                    ids.Clear();
                }
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogLost(logger, e.Message);
                foreach (var ids in batches.Values)
                    ids.Clear();
            }
            await Task.Delay(BatchInterval, time, stoppingToken);
        }
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await using var connection = await listening.OpenConnectionAsync(stoppingToken);
                connection.Notification += (_, notification) => Receive(notification.Payload);
                await using (var command = new NpgsqlCommand($"LISTEN {ChannelName}", connection))
                    await command.ExecuteNonQueryAsync(stoppingToken);
                while (true)
                    await connection.WaitAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
                LogNotListening(logger, e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken);
            }
        }
    }

    private void Receive(string payload)
    {
        foreach (var (kind, id) in Decode(payload))
            Received?.Invoke(kind, id);
    }

    internal static string Encode(SignalKind kind, IReadOnlyCollection<Guid> ids) =>
        string.Concat(ids.Select(id => Base64Url.EncodeToString(id.ToByteArray())).Prepend(((int)kind).ToString()));

    internal static IEnumerable<(SignalKind Kind, Guid Id)> Decode(string payload)
    {
        if (payload.Length == 0 || (payload.Length - 1) % IdLength != 0 || !Enum.IsDefined((SignalKind)(payload[0] - '0')))
            yield break; // another version's: as good as a lost hint
        for (var i = 1; i < payload.Length; i += IdLength)
        {
            var bytes = new byte[16];
            if (Base64Url.TryDecodeFromChars(payload.AsSpan(i, IdLength), bytes, out var written) && written == 16)
                yield return ((SignalKind)(payload[0] - '0'), new Guid(bytes));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Hints to other replicas lost: {Reason}")]
    private static partial void LogLost(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not listening to other replicas, readers poll: {Reason}")]
    private static partial void LogNotListening(ILogger logger, string reason);
}
