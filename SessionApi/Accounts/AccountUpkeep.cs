using Lyceum.Durability.Postgres;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// At start, the setup code: made while there is no account, the same for all replicas and all starts, and printed where it
/// is needed. From then on deletes what has expired. Every replica does both; the statements do not conflict.
/// </summary>
internal sealed partial class AccountUpkeep(
    IServiceScopeFactory scopes, DatabaseReady ready, IOptions<AccountOptions> options, IHostEnvironment environment,
    TimeProvider time, ILogger<AccountUpkeep> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    /// <summary>How long an expired invitation stays in its maker's list.</summary>
    private static readonly TimeSpan InvitationsShown = TimeSpan.FromDays(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        var announced = false;
        while (true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var db = scope.ServiceProvider.GetRequiredService<SessionDb>();
                if (!announced)
                    await AnnounceAsync(db, stoppingToken);
                announced = true;
                await Members.AdoptAsync(db, stoppingToken);
                await ForgetAsync(db, stoppingToken);
                await scope.ServiceProvider.GetRequiredService<Looks>().ForgetAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
            }
            await Task.Delay(announced ? Interval : Retry, time, stoppingToken);
        }
    }

    private async Task AnnounceAsync(SessionDb db, CancellationToken cancellationToken)
    {
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO setup_codes (id, code) SELECT 1, {Secret.NewCode()}
             WHERE NOT EXISTS (SELECT FROM accounts) ON CONFLICT DO NOTHING
             """, cancellationToken);
        if (Admission.IsOpen(options.Value, environment) || await db.Set<Account>().AnyAsync(cancellationToken))
            return;
        if (await db.Set<SetupCode>().AsNoTracking().SingleOrDefaultAsync(cancellationToken) is { } setup)
            LogSetupCode(setup.Code);
    }

    private async Task ForgetAsync(SessionDb db, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await db.Set<SignIn>().Where(s => s.ExpiresAt < now).ExecuteDeleteAsync(cancellationToken);
        await db.Set<Invitation>().Where(i => i.ExpiresAt < now - InvitationsShown).ExecuteDeleteAsync(
            cancellationToken);
        // By then the fullest bucket is empty.
        var settings = options.Value;
        var leak = TimeSpan.FromTicks(Math.Max(
            settings.AccountForgiveness.Ticks * settings.AccountAttempts, settings.AddressForgiveness.Ticks * settings.AddressAttempts));
        await db.Database.ExecuteSqlAsync(
            $"DELETE FROM failed_attempts WHERE updated_at < clock_timestamp() - {leak}", cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "There is no account yet. Setup code: {Code}")]
    private partial void LogSetupCode(string code);

    [LoggerMessage(LogLevel.Warning, "upkeep of accounts failed, trying again: {Reason}")]
    private partial void LogRetry(string reason);
}
