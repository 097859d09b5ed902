using System.Collections.Immutable;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>
/// What is in force for each tenant, in memory: no call asks the database. Follows it by one small query a second, sooner where a hint
/// says so; while the database is away, what was in force stays in force. Until it was read once nothing is, because a tenant may
/// have taken a tool away.
/// </summary>
internal sealed partial class ToolRegistry(ToolStore store, DatabaseReady ready, ILogger<ToolRegistry> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Of one look; a database that accepts and says nothing is away.</summary>
    private static readonly TimeSpan LookTimeout = TimeSpan.FromSeconds(5);

    private readonly ToolSet _builtins = ToolSet.OfBuiltins();
    private readonly ReaderSignal _changed = new();

    // One at a time looks; what follows is written under it. Null of a tenant: its version is not understood here.
    private readonly SemaphoreSlim _looking = new(1, 1);
    private volatile ImmutableDictionary<string, ToolSet?>? _sets;
    private long _seen;

    // For the log alone: said once.
    private volatile bool _away;

    /// <exception cref="ProblemException">503 <c>service_unavailable</c>: not read yet, or not understood by this release.</exception>
    public ToolSet For(string tenant)
    {
        var sets = _sets ?? throw NotReady("The tool registry was not read yet");
        return !sets.TryGetValue(tenant, out var set) ? _builtins : set ?? throw NotReady("The version in force is not understood here");
    }

    /// <summary>There is something new, a message says.</summary>
    public void Wake() => _changed.Set();

    /// <summary>
    /// Brings this process up to what is committed now: who activated something finds it in force when the answer comes. A database
    /// that is away in this moment makes it later.
    /// </summary>
    /// <returns>Whether that was done.</returns>
    public async Task<bool> TryRefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RefreshAsync(cancellationToken);
            if (_away)
                LogBack();
            _away = false;
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            if (!_away)
                LogAway(e.Message);
            _away = true;
            return false;
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _looking.WaitAsync(cancellationToken);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(LookTimeout);
            var newest = await store.NewestAsync(limit.Token);
            if (newest == _seen && _sets is not null)
                return;
            // Less than before: another database, or a backup. All anew.
            var after = newest < _seen ? 0 : _seen;
            var sets = after == 0 || _sets is null ? ImmutableDictionary<string, ToolSet?>.Empty : _sets;
            foreach (var active in await store.ActiveSinceAsync(after, newest, limit.Token))
                sets = Apply(sets, active);
            (_seen, _sets) = (newest, sets);
        }
        finally
        {
            _looking.Release();
        }
    }

    private ImmutableDictionary<string, ToolSet?> Apply(ImmutableDictionary<string, ToolSet?> sets, ActiveVersion active)
    {
        if (active.Version == ToolSet.Builtin)
            return sets.Remove(active.Tenant);
        if (sets.GetValueOrDefault(active.Tenant)?.Version == active.Version)
            return sets;
        var set = active.Manifests is null ? null : ToolSet.Load(active.Version, active.Manifests);
        if (set?.Digest == active.Digest && set is not null)
            LogActive(active.Tenant, active.Version, set.Digest);
        else
        {
            set = null;
            LogNotUnderstood(active.Tenant, active.Version);
        }
        return sets.SetItem(active.Tenant, set);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            await TryRefreshAsync(stoppingToken);
            await _changed.WaitAtMostAsync(Interval, stoppingToken);
        }
    }

    private static ProblemException NotReady(string why) => new(
        StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServiceUnavailable, $"{why}; try again shortly.", Problems.DefaultRetryAfter);

    [LoggerMessage(LogLevel.Information, "tools of {Tenant}: version {Version} in force ({Digest})")]
    private partial void LogActive(string tenant, string version, string digest);

    [LoggerMessage(LogLevel.Error, "tools of {Tenant}: version {Version} is not understood by this release, or not what was registered; its tools are refused")]
    private partial void LogNotUnderstood(string tenant, string version);

    [LoggerMessage(LogLevel.Information, "the tool registry is followed again")]
    private partial void LogBack();

    [LoggerMessage(LogLevel.Warning, "the tool registry is not followed; what was in force stays: {Reason}")]
    private partial void LogAway(string reason);
}
