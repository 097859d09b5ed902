using System.Collections.Concurrent;
using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.Draining;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Live;

/// <summary>
/// The live sessions of this engine: in memory, bounded in number, each with its timeouts. They end with the engine,
/// each when no turn of it runs; what was said is in the transcript log, from which a new session goes on.
/// </summary>
internal sealed class SessionStore : IDrainedWork, IDisposable
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a session that could end waits until all of it is stored: the one that goes on with it is made with its
    /// history.
    /// </summary>
    private static readonly TimeSpan ForStoring = TimeSpan.FromSeconds(5);

    /// <summary>What a client is asked to wait when the engine is full.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly LiveSessionOptions _options;
    private readonly ITranscript _transcript;
    private readonly SessionWorkers _workers;
    private readonly SessionMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly string _engine;
    private readonly ConcurrentDictionary<string, (Session Session, SharedBound.Held Place)> _sessions = [];
    private readonly ITimer _clock;
    private readonly SharedBound _places;
    private readonly SharedBound _sockets;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _draining;
    private volatile bool _stopping;

    public SessionStore(
        IOptions<LiveSessionOptions> options, IOptions<EngineAddressOptions> address, IOptions<ShareOptions> shares,
        ITranscript transcript, SessionWorkers workers, SessionMetrics metrics, TimeProvider time)
    {
        _places = new SharedBound(options.Value.Max, shares.Value);
        _sockets = new SharedBound(options.Value.SocketLimit, shares.Value);
        (_options, _transcript, _workers, _metrics, _time) = (options.Value, transcript, workers, metrics, time);
        _engine = address.Value.Id;
        _clock = time.CreateTimer(static me => ((SessionStore)me!).Tick(), this, TickEvery, TickEvery);
        metrics.ObserveSessions(() => Count);
    }

    public int Count => (int)_places.Used;

    /// <summary>Sockets open now.</summary>
    public int Sockets => (int)_sockets.Used;

    /// <summary>A new session's id: the engine's, a dot, a UUIDv7.</summary>
    public string NewId() => $"{_engine}.{Guid.CreateVersion7(_time.GetUtcNow())}";

    /// <returns>
    /// Null: <see cref="LiveSessionOptions.Max"/> are taken, or as many by this owner or tenant as it may.
    /// </returns>
    /// <exception cref="ProblemException">503: the engine is stopping.</exception>
    public Session? TryCreate(SessionSetup setup)
    {
        ThrowIf(_draining);
        if (_places.TryTake(setup.Sharer) is not { } place)
        {
            _metrics.Rejected(StatusCodes.Status429TooManyRequests);
            return null;
        }
        var session = new Session(setup, _options, _transcript, _workers, _time);
        _sessions[setup.Id] = (session, place);
        if (_draining)
        {
            // The drain began meanwhile, and may not have seen it.
            _ = EndAsync(session, Session.ShuttingDown);
            ThrowIf(true);
        }
        return session;
    }

    public Session? Find(string id) => _sessions.GetValueOrDefault(id).Session;

    /// <summary>The session, if it is this caller's.</summary>
    public Session? Find(string id, Caller caller) => Find(id) is { } session && IsOf(session, caller) ? session : null;

    public IReadOnlyList<Session> Of(Caller caller) =>
        [.. All.Where(session => IsOf(session, caller)).OrderBy(session => session.CreatedAt)];

    /// <summary>Ends it; returns when it has freed what it occupied.</summary>
    public async Task EndAsync(Session session, string reason)
    {
        if (_sessions.TryRemove(session.Id, out var ended))
            ended.Place.Dispose();
        await session.EndAsync(reason);
        FinishIfEmpty();
    }

    /// <summary>Admits a socket until disposed.</summary>
    /// <returns>
    /// Null: <see cref="LiveSessionOptions.SocketLimit"/> are open, or as many of this owner or tenant as it may.
    /// </returns>
    /// <exception cref="ProblemException">503: the engine is stopping.</exception>
    public IDisposable? TryAdmitSocket(Session session)
    {
        ThrowIf(_stopping); // while it drains, a client comes back to an answer that runs
        if (_sockets.TryTake(session.Setup.Sharer) is not { } place)
        {
            _metrics.Rejected(StatusCodes.Status429TooManyRequests);
            return null;
        }
        _metrics.Sockets(+1);
        return new Admission(place, _metrics);
    }

    /// <summary>Idle sessions end at once, each with its <c>go_away</c>; the others when their turns are over.</summary>
    public void Close()
    {
        _draining = true;
        LetGo();
        FinishIfEmpty();
    }

    public Task FinishAsync(CancellationToken cancel) => _finished.Task.WaitAsync(cancel);

    /// <summary>Clients get their <c>bye</c> before the server waits for their sockets.</summary>
    public Task InterruptAsync()
    {
        _draining = _stopping = true;
        return Task.WhenAll(All.Select(session => EndAsync(session, Session.ShuttingDown)));
    }

    public void Dispose() => _clock.Dispose();

    private IEnumerable<Session> All => _sessions.Select(entry => entry.Value.Session);

    private static void ThrowIf(bool stopping)
    {
        if (stopping)
        {
            throw new ProblemException(
                StatusCodes.Status503ServiceUnavailable, ErrorCodes.Draining, "This engine is stopping.", TimeSpan.FromSeconds(1));
        }
    }

    private void Tick()
    {
        foreach (var session in All)
        {
            if (session.Tick() is { } over)
                _ = EndAsync(session, over); // never fails
        }
        if (_draining)
            LetGo();
    }

    /// <summary>Ends the sessions in which nothing runs; the rest at a later tick.</summary>
    private void LetGo()
    {
        foreach (var session in All)
        {
            if (session.TryGoAway(ForStoring, out var ended))
                _ = RemoveAsync(session, ended); // never fails
        }
    }

    private async Task RemoveAsync(Session session, Task ended)
    {
        if (_sessions.TryRemove(session.Id, out var removed))
            removed.Place.Dispose();
        await ended;
        FinishIfEmpty();
    }

    private void FinishIfEmpty()
    {
        if (_draining && _sessions.IsEmpty)
            _finished.TrySetResult();
    }

    private static bool IsOf(Session session, Caller caller) =>
        session.Setup.Tenant == caller.Tenant && session.Setup.Owner == caller.Person;

    private sealed class Admission(SharedBound.Held place, SessionMetrics metrics) : IDisposable
    {
        private SharedBound.Held? _place = place;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _place, null) is not { } place)
                return;
            place.Dispose();
            metrics.Sockets(-1);
        }
    }
}
