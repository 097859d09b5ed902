using System.Collections.Immutable;
using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>
/// The tools in force for each tenant, in memory, so that no call needs the database. It is polled with one small query
/// a second, sooner after a hint. While the database is unavailable, the last tools stay in force. Before the first
/// poll there are none, because a tenant may have removed a tool.
/// </summary>
internal sealed partial class ToolRegistry(
    ToolStore store, ManifestReader reader, DatabaseReady ready, IOptions<ShareOptions> shares,
    ILogger<ToolRegistry> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Of one poll; a database that takes longer counts as unavailable.</summary>
    private static readonly TimeSpan PollTimeout = TimeSpan.FromSeconds(5);

    private readonly ReaderSignal _changed = new();

    // Held while polling; the fields below are written under it. Null of a tenant: this release cannot read its
    // version.
    private readonly SemaphoreSlim _polling = new(1, 1);
    private volatile ImmutableDictionary<string, ToolSet?>? _sets;
    private long _seen;

    // So that an outage is logged once.
    private volatile bool _unavailable;

    /// <summary>The version that every tenant begins with.</summary>
    public ToolSet Builtins { get; } = ToolSet.OfBuiltins(reader, shares.Value);

    /// <exception cref="ProblemException">
    /// 503 <c>service_unavailable</c>: not read yet, or not readable by this release.
    /// </exception>
    public ToolSet For(string tenant)
    {
        var sets = _sets ?? throw NotReady("The tool registry was not read yet");
        return !sets.TryGetValue(tenant, out var set) ? Builtins
            : set ?? throw NotReady("The version in force is not understood here");
    }

    /// <summary>Polls at once, after a hint.</summary>
    public void Wake() => _changed.Set();

    /// <summary>
    /// Polls now, so that an activation is in force here when its response is sent. If the database is unavailable at
    /// this moment, it comes into force later.
    /// </summary>
    /// <returns>Whether it succeeded.</returns>
    public async Task<bool> TryRefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RefreshAsync(cancellationToken);
            if (_unavailable)
                LogAvailable();
            _unavailable = false;
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            if (!_unavailable)
                LogUnavailable(e.Message);
            _unavailable = true;
            return false;
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _polling.WaitAsync(cancellationToken);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(PollTimeout);
            var newest = await store.NewestAsync(limit.Token);
            if (newest == _seen && _sets is not null)
                return;
            // Less than before: another database, or a restored backup. Everything is read again.
            var after = newest < _seen ? 0 : _seen;
            var sets = after == 0 || _sets is null ? ImmutableDictionary<string, ToolSet?>.Empty : _sets;
            foreach (var active in await store.ActiveSinceAsync(after, newest, limit.Token))
                sets = Apply(sets, active);
            (_seen, _sets) = (newest, sets);
        }
        finally
        {
            _polling.Release();
        }
    }

    private ImmutableDictionary<string, ToolSet?> Apply(ImmutableDictionary<string, ToolSet?> sets, ActiveVersion active)
    {
        if (active.Version == ToolSet.Builtin)
            return sets.Remove(active.Tenant);
        if (sets.GetValueOrDefault(active.Tenant)?.Version == active.Version)
            return sets;
        var set = active.Manifests is null ? null
            : ToolSet.Load(reader, active.Version, active.Manifests, shares.Value);
        if (set?.Digest == active.Digest && set is not null)
            LogActive(active.Tenant, active.Version, set.Digest);
        else
        {
            set = null;
            LogUnreadable(active.Tenant, active.Version);
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

    [LoggerMessage(LogLevel.Information, "Tools of {Tenant}: version {Version} in force, digest {Digest}")]
    private partial void LogActive(string tenant, string version, string digest);

    [LoggerMessage(LogLevel.Error,
        "Tools of {Tenant}: version {Version} unreadable by this release or changed, calls are rejected")]
    private partial void LogUnreadable(string tenant, string version);

    [LoggerMessage(LogLevel.Information, "Tool registry polled again")]
    private partial void LogAvailable();

    [LoggerMessage(LogLevel.Warning, "Tool registry poll failed, the last versions stay in force: {Reason}")]
    private partial void LogUnavailable(string reason);
}
