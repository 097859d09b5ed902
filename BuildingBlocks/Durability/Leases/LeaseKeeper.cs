using Lyceum.Durability.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Durability.Leases;

/// <summary>
/// Keeps this process' one row in <c>owners(id, lease_until)</c> alive and removes those of dead processes.
/// <para>
/// The row is the lease: an owner is alive exactly as long as its row exists. Three steps make that a fence.
/// (1) Every write of an owner locks its row <c>FOR KEY SHARE</c> in the statement that writes; a renewal does not
/// conflict with that lock. (2) A sweep deletes rows whose <c>lease_until</c> has passed; the delete does conflict, so it
/// waits for writes in flight, and writes after it find no row and write nothing. (3) Only then are the dead owner's
/// things claimed, each with its epoch incremented. A process that was stopped past its lease and wakes up finds no row;
/// it starts over under a new id.
/// </para>
/// <para>After a failure to reach the database nothing is swept for one whole lease, so that owners cut off by the same
/// outage can renew first.</para>
/// </summary>
public sealed partial class LeaseKeeper(
    SystemDataSource source, DatabaseReady ready, ILeasedWork work, LeaseClock clock, IOptions<LeaseOptions> options,
    TimeProvider time, ILogger<LeaseKeeper> logger) : BackgroundService
{
    private readonly LeaseOptions _options = options.Value;
    private NpgsqlConnection? _connection;
    private volatile bool _registered;
    private long _sweepFrom = long.MaxValue; // TimeProvider timestamp; set by the first successful renewal

    /// <summary>This process' owner id; a new one after a lost lease. Written by the loop, read by everybody.</summary>
    public Guid OwnerId { get; private set; } = Guid.CreateVersion7();

    /// <summary>Whether the row is there: what is begun before that would look like an orphan to everybody else.</summary>
    public bool IsHeld => _registered;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ready.WaitAsync(stoppingToken);
            using var timer = new PeriodicTimer(_options.Renewal, time);
            do
            {
                // A held connection that died since the last tick is found out only now: try once more on a new one.
                if (!await TickAsync(stoppingToken) && !await TickAsync(stoppingToken))
                    _sweepFrom = long.MaxValue;
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped by ReleaseAsync, before the host stops: it would take this for a failure.
        }
    }

    private async Task<bool> TickAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RenewAsync(stoppingToken);
            await SweepAsync(stoppingToken);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            LogUnreachable(logger, e.Message);
            await DropConnectionAsync();
            return false;
        }
    }

    /// <summary>
    /// Gives up the lease at once, so that others need not wait for it to run out. The last act of a drain: the loop ends
    /// first, or it would take its own row's absence for a loss and claim everything back.
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
        await DropConnectionAsync();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Lease not renewed: {Reason}")]
    private static partial void LogUnreachable(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Lease of owner {Owner} lost: dropping everything it owned")]
    private static partial void LogLost(ILogger logger, Guid owner);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Owner {Owner} is dead: its lease ran out")]
    private static partial void LogDeadOwner(ILogger logger, Guid owner);
}

public static class LeaseRegistration
{
    /// <summary>Adds the lease keeper for <typeparamref name="TWork"/>, which the service registers as a singleton.</summary>
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
        return services;
    }
}
