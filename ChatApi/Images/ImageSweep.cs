using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Images;

/// <summary>Deletes images that no question was asked with for <see cref="ImageOptions.UnusedFor"/>; any replica may.</summary>
internal sealed partial class ImageSweep(
    NpgsqlDataSource source, DatabaseReady ready, IOptions<ImageOptions> options, TimeProvider time, ILogger<ImageSweep> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    private const int Batch = 200;

    // A question that is being asked with one of them has changed its row: it is skipped, or is not unused any more.
    private const string Delete =
        """
        DELETE FROM images WHERE id IN (
            SELECT id FROM images WHERE used_at IS NULL AND created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
        """;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException && !stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        for (int deleted = Batch; deleted == Batch;)
        {
            await using var command = source.CreateCommand(Delete);
            command.Parameters.Add(new() { Value = time.GetUtcNow() - options.Value.UnusedFor });
            command.Parameters.Add(new() { Value = Batch });
            deleted = await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Unused images not deleted, retrying: {Reason}")]
    private partial void LogRetry(string reason);
}
