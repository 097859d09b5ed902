using System.Collections.Concurrent;
using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Live;

/// <summary>
/// The live sessions of this engine: in memory, bounded in number, each with its timeouts. They end with the engine;
/// what was said is in the transcript log, from which a new session can go on.
/// </summary>
internal sealed class SessionStore : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);

    /// <summary>What a client is asked to wait when the engine is full.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly LiveSessionOptions _options;
    private readonly ITranscript _transcript;
    private readonly SessionWorkers _workers;
    private readonly SessionMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly string _engine;
    private readonly ConcurrentDictionary<string, Session> _sessions = [];
    private readonly ITimer _clock;
    private int _count; // sessions admitted; ahead of the dictionary by those being made
    private int _sockets;
    private volatile bool _stopping;

    public SessionStore(
        IOptions<LiveSessionOptions> options, IOptions<EngineAddressOptions> address, ITranscript transcript,
        SessionWorkers workers, SessionMetrics metrics, TimeProvider time)
    {
        (_options, _transcript, _workers, _metrics, _time) = (options.Value, transcript, workers, metrics, time);
        _engine = address.Value.Id;
        _clock = time.CreateTimer(static me => ((SessionStore)me!).Tick(), this, TickEvery, TickEvery);
        metrics.ObserveSessions(() => Count);
    }

    public int Count => Volatile.Read(ref _count);

    /// <summary>Sockets open now.</summary>
    public int Sockets => Volatile.Read(ref _sockets);

    /// <summary>A new session's id: the engine's, a dot, a UUIDv7.</summary>
    public string NewId() => $"{_engine}.{Guid.CreateVersion7(_time.GetUtcNow())}";

    /// <returns>Null: <see cref="LiveSessionOptions.Max"/> are taken.</returns>
    /// <exception cref="ProblemException">503: the engine is stopping.</exception>
    public Session? TryCreate(SessionSetup setup)
    {
        ThrowIfStopping();
        if (Interlocked.Increment(ref _count) > _options.Max)
        {
            Interlocked.Decrement(ref _count);
            _metrics.Rejected(StatusCodes.Status429TooManyRequests);
            return null;
        }
        return _sessions[setup.Id] = new Session(setup, _options, _transcript, _workers, _time);
    }

    public Session? Find(string id) => _sessions.GetValueOrDefault(id);

    /// <summary>The session, if it is this caller's.</summary>
    public Session? Find(string id, Caller caller) => Find(id) is { } session && IsOf(session, caller) ? session : null;

    public IReadOnlyList<Session> Of(Caller caller) =>
        [.. _sessions.Values.Where(session => IsOf(session, caller)).OrderBy(session => session.CreatedAt)];

    /// <summary>Ends it; returns when it has freed what it occupied.</summary>
    public async Task EndAsync(Session session, string reason)
    {
        if (_sessions.TryRemove(new(session.Id, session)))
            Interlocked.Decrement(ref _count);
        await session.EndAsync(reason);
    }

    /// <summary>Admits a socket until disposed.</summary>
    /// <returns>Null: <see cref="LiveSessionOptions.SocketLimit"/> are open.</returns>
    /// <exception cref="ProblemException">503: the engine is stopping.</exception>
    public IDisposable? TryAdmitSocket()
    {
        ThrowIfStopping();
        if (Interlocked.Increment(ref _sockets) > _options.SocketLimit)
        {
            Interlocked.Decrement(ref _sockets);
            _metrics.Rejected(StatusCodes.Status429TooManyRequests);
            return null;
        }
        _metrics.Sockets(+1);
        return new Admission(this);
    }

    /// <summary>SIGTERM: clients get their <c>bye</c> before the server waits for their sockets.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _stopping = true;
        return Task.WhenAll(_sessions.Values.Select(session => EndAsync(session, "shutting_down"))).WaitAsync(cancellationToken);
    }

    public void Dispose() => _clock.Dispose();

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void ThrowIfStopping()
    {
        if (_stopping)
        {
            throw new ProblemException(
                StatusCodes.Status503ServiceUnavailable, ErrorCodes.Draining, "This engine is stopping.", TimeSpan.FromSeconds(1));
        }
    }

    private void Tick()
    {
        foreach (var session in _sessions.Values)
        {
            if (session.Tick() is { } over)
                _ = EndAsync(session, over); // never fails
        }
    }

    private static bool IsOf(Session session, Caller caller) =>
        session.Setup.Tenant == caller.Tenant && session.Setup.Owner == caller.Person;

    private sealed class Admission(SessionStore store) : IDisposable
    {
        private SessionStore? _store = store;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _store, null) is { } store)
            {
                Interlocked.Decrement(ref store._sockets);
                store._metrics.Sockets(-1);
            }
        }
    }
}
