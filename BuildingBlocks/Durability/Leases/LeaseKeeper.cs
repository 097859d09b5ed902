using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Durability.Leases;

/// <summary>
/// Renews this process' row in <c>owners(id, lease_until)</c> and deletes those of dead processes. The protocol, its
/// states and
/// why it is a fence: README.md beside this file.
/// </summary>
public sealed partial class LeaseKeeper(
    SystemDataSource source, DatabaseReady ready, ILeasedWork work, LeaseClock clock, LoopProgress progress,
    IOptions<LeaseOptions> options,
    TimeProvider time, ILogger<LeaseKeeper> logger) : BackgroundService
{
    private readonly LeaseOptions _options = options.Value;
    private readonly LoopProgress.Loop _loop = progress.Follow(nameof(LeaseKeeper));
    private NpgsqlConnection? _connection;
    private volatile bool _registered;
    private long _sweepFrom = long.MaxValue; // TimeProvider timestamp; set by the first successful renewal

    /// <summary>This process' owner id; a new one after a lost lease. Written by the loop, read by any
    /// thread.</summary>
    public Guid OwnerId { get; private set; } = Guid.CreateVersion7();

    /// <summary>Whether the row is there. Work begun before that looks like an orphan to other processes.</summary>
    public bool IsHeld => _registered;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ready.WaitAsync(stoppingToken);
            using var timer = new PeriodicTimer(_options.Renewal, time);
            do
            {
                // A connection that died since the last tick fails only now: try once more on a new one.
                if (!await TickAsync(stoppingToken) && !await TickAsync(stoppingToken))
                    _sweepFrom = long.MaxValue;
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped by ReleaseAsync, before the host stops, which would take this for a failure.
        }
    }

    private async Task<bool> TickAsync(CancellationToken stoppingToken)
    {
        try
        {
            _loop.Begin();
            await RenewAsync(stoppingToken);
            await SweepAsync(stoppingToken);
            _loop.Done();
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            _loop.Failed(e);
            LogUnreachable(logger, e.Message);
            await DropConnectionAsync();
            return false;
        }
    }

    /// <summary>
    /// Releases the lease at once. The last step of a drain: the loop ends first, because it would take its own
    /// row's absence
    /// for a lost lease and claim everything back.
    /// </summary>
    public async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        await StopAsync(cancellationToken);
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand("DELETE FROM owners WHERE id = $1", connection);
        command.Parameters.Add(new() { Value = OwnerId });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task RenewAsync(CancellationToken stoppingToken)
    {
        // A renewal that takes longer than the lease has failed: bound it, so that a hanging server is noticed.
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        bound.CancelAfter(_options.Duration);
        _connection ??= await source.OpenConnectionAsync(bound.Token);

        const string register =
            "INSERT INTO owners (id, lease_until) VALUES ($1, clock_timestamp() + $2) ON CONFLICT DO NOTHING";
        const string renew = "UPDATE owners SET lease_until = clock_timestamp() + $2 WHERE id = $1";
        await using var command = new NpgsqlCommand(_registered ? renew : register, _connection);
        command.Parameters.Add(new() { Value = OwnerId });
        command.Parameters.Add(new() { Value = _options.Duration });
        var asked = time.GetTimestamp();
        var rows = await command.ExecuteNonQueryAsync(bound.Token);

        if (_registered && rows == 0)
        {
            LogLost(logger, OwnerId);
            var lost = OwnerId;
            OwnerId = Guid.CreateVersion7();
            _registered = false;
            work.OnLeaseLost(lost);
            await RenewAsync(stoppingToken);
            return;
        }

        _registered = true;
        clock.Renewed(asked, _options.Duration);
        if (_sweepFrom == long.MaxValue)
            _sweepFrom = time.GetTimestamp() + (long)(_options.Duration.TotalSeconds * time.TimestampFrequency);
    }

    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        if (time.GetTimestamp() < _sweepFrom)
            return;

        await using (var command = new NpgsqlCommand(
            // SKIP LOCKED: two sweepers never wait for each other, nor for a writer that is just committing.
            """
            DELETE FROM owners WHERE id IN (
                SELECT id FROM owners WHERE lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED)
            RETURNING id
            """, _connection))
        await using (var reader = await command.ExecuteReaderAsync(stoppingToken))
        {
            while (await reader.ReadAsync(stoppingToken))
                LogDeadOwner(logger, reader.GetGuid(0));
        }

        await work.ClaimOrphansAsync(OwnerId, stoppingToken);
    }

    private async Task DropConnectionAsync()
    {
        if (_connection is { } broken)
        {
            _connection = null;
            await broken.DisposeAsync();
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        _loop.Dispose();
        await DropConnectionAsync();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Lease not renewed: {Reason}")]
    private static partial void LogUnreachable(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Lease of owner {Owner} lost, its work is dropped")]
    private static partial void LogLost(ILogger logger, Guid owner);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Owner {Owner} dead: its lease expired")]
    private static partial void LogDeadOwner(ILogger logger, Guid owner);
}

public static class LeaseRegistration
{
    /// <summary>Adds the lease keeper for <typeparamref name="TWork"/>, which the service registers as a
    /// singleton.</summary>
    public static IServiceCollection AddLeases<TWork>(this IServiceCollection services)
        where TWork : class, ILeasedWork
    {
        services.AddOptions<LeaseOptions>().BindConfiguration("Leases")
            .Validate(o => o.Renewal > TimeSpan.Zero && o.Duration >= 2 * o.Renewal,
                "Leases: Duration must be at least twice Renewal")
            .ValidateOnStart();
        services.AddSingleton<ILeasedWork>(provider => provider.GetRequiredService<TWork>());
        services.AddSingleton<LeaseClock>();
        services.AddSingleton<LeaseKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<LeaseKeeper>());
        services.AddHostedService<LeaseDrain>();
        return services;
    }
}
