using System.Collections.Frozen;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Authorization;
using Npgsql;

namespace Lyceum.Gateway.Persons;

/// <summary>
/// Who was deleted while their last access token may still be good: read every <see cref="Interval"/>. The guards in
/// every database hold without it; this spares a deleted person's requests, and models what they would be asked.
/// </summary>
internal sealed partial class DeletedPersons(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<DeletedPersons> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private FrozenSet<(string Tenant, string Person)> _deleted = [];

    /// <summary>
    /// Not on routes that are open: how far the deletion is, and signing in as somebody else, are asked with the old cookie.
    /// </summary>
    /// <exception cref="ProblemException">403 <c>person_erased</c>.</exception>
    public void ThrowIfDeleted(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is null
            && http.User.Identity is CallerIdentity { Caller: { Kind: CallerKind.User } caller }
            && Volatile.Read(ref _deleted).Contains((caller.Tenant, caller.Person)))
        {
            throw new ProblemException(
                StatusCodes.Status403Forbidden, ErrorCodes.PersonErased, "This account was deleted; sign in with another one.");
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await ReadAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogUnread(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        // An access token is good for a quarter of an hour; an hour forgives a longer setting and clocks.
        await using var command = source.CreateCommand(
            "SELECT tenant, person FROM erased_persons WHERE at > clock_timestamp() - interval '1 hour' LIMIT 100000");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var deleted = new List<(string, string)>();
        while (await reader.ReadAsync(cancellationToken))
            deleted.Add((reader.GetString(0), reader.GetString(1)));
        Volatile.Write(ref _deleted, deleted.ToFrozenSet());
    }

    [LoggerMessage(LogLevel.Warning, "Deleted persons not read, trying again: {Reason}")]
    private partial void LogUnread(string reason);
}
