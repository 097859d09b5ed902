using System.Collections.Concurrent;
using Lyceum.GpuEngine.Sessions.Core;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions;

/// <summary>
/// The live sessions of this engine: in memory, bounded in number, each with the clock against it. The engine's end is
/// theirs; what they said is in the transcript log, from which whoever made them can make them anew.
/// </summary>
internal sealed class SessionStore : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);

    /// <summary>What a client waits where there is no room.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly SessionOptions _options;
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
        IOptions<SessionOptions> options, IOptions<EngineAddressOptions> address, ITranscript transcript, SessionWorkers workers,
        SessionMetrics metrics, TimeProvider time)
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

    /// <returns>Null: <see cref="SessionOptions.Max"/> are taken.</returns>
    /// <exception cref="ProblemException">503: the engine is stopping.</exception>
    public Session? TryCreate(SessionSetup setup)
    {
        RefuseWhileStopping();
        if (Interlocked.Increment(ref _count) > _options.Max)
        {
            Interlocked.Decrement(ref _count);
            _metrics.Refused(StatusCodes.Status429TooManyRequests);
            return null;
        }
        return _sessions[setup.Id] = new Session(setup, _options, _transcript, _workers, _time);
    }

    public Session? Find(string id) => _sessions.GetValueOrDefault(id);

    /// <summary>The session, if it is this caller's.</summary>
    public Session? Find(string id, Caller caller) => Find(id) is { } session && IsOf(session, caller) ? session : null;

    public IReadOnlyList<Session> Of(Caller caller) =>
        [.. _sessions.Values.Where(session => IsOf(session, caller)).OrderBy(session => session.CreatedAt)];

    /// <summary>Ends it; returns when it occupies nothing any more.</summary>
    public async Task EndAsync(Session session, string reason)
    {
        if (_sessions.TryRemove(new(session.Id, session)))
        {
            Interlocked.Decrement(ref _count);
        }
        await session.EndAsync(reason);
    }

    /// <summary>Admits a socket until disposed.</summary>
    /// <returns>Null: <see cref="SessionOptions.SocketLimit"/> are open.</returns>
    /// <exception cref="ProblemException">503: the engine is stopping.</exception>
    public IDisposable? TryAdmitSocket()
    {
        RefuseWhileStopping();
        if (Interlocked.Increment(ref _sockets) > _options.SocketLimit)
        {
            Interlocked.Decrement(ref _sockets);
            _metrics.Refused(StatusCodes.Status429TooManyRequests);
            return null;
        }
        _metrics.Sockets(+1);
        return new Admission(this);
    }

    /// <summary>SIGTERM: clients are told, before the server waits for their sockets.</summary>
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

    private void RefuseWhileStopping()
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
            {
                _ = EndAsync(session, over); // its failures are its turn's, which has told of them
            }
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
