using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lyceum.ServiceDefaults.Messaging;

/// <summary>
/// Sends hints in the background, in order. The queue holds <see cref="Capacity"/>; when it is full, which takes a
/// broker that is away, the oldest goes: the sweep has long done what it asked for.
/// </summary>
internal sealed partial class HintPublisher : BackgroundService, IHints
{
    internal const int Capacity = 1024;
    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(1);
    private static readonly ActivitySource Source = new("Lyceum.Messaging");

    // Not worth a disk write, and worthless after the next sweep; so a queue without a reader does not grow for long.
    private static readonly IPipe<PublishContext> AsHint = Pipe.Execute<PublishContext>(context =>
    {
        context.Durable = false;
        context.TimeToLive = TimeSpan.FromMinutes(1);
    });

    private readonly IBus _bus;
    private readonly ILogger<HintPublisher> _logger;
    private readonly TimeProvider _time;
    private readonly Counter<long> _published;
    private readonly Counter<long> _dropped;

    // Written by requests, read by the one loop below.
    private readonly Channel<Hint> _queue;

    public HintPublisher(IBus bus, IMeterFactory meters, TimeProvider time, ILogger<HintPublisher> logger)
    {
        (_bus, _time, _logger) = (bus, time, logger);
        var meter = meters.Create("Lyceum.Messaging");
        _published = meter.CreateCounter<long>("lyceum.hints.published", "{hint}", "Hints the broker confirmed.");
        _dropped = meter.CreateCounter<long>(
            "lyceum.hints.dropped", "{hint}", "Hints that were not sent: queue full, or the broker did not confirm in time.");
        _queue = Channel.CreateBounded<Hint>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => _dropped.Add(1, new KeyValuePair<string, object?>("reason", "queue_full")));
    }

    public void Publish<T>(T message) where T : class
    {
        ArgumentNullException.ThrowIfNull(message);
        _queue.Writer.TryWrite(new Hint(message, typeof(T), Activity.Current?.Context ?? default));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var away = false;
        await foreach (var hint in _queue.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await SendAsync(hint, stoppingToken);
                _published.Add(1);
                if (away)
                    LogBack();
                away = false;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                _dropped.Add(1, new KeyValuePair<string, object?>("reason", "not_confirmed"));
                if (!away)
                    LogAway(hint.Type.Name, e.Message);
                away = true;
            }
        }
    }

    private async Task SendAsync(Hint hint, CancellationToken stoppingToken)
    {
        // The trace goes on from the request that published, which may be over by now.
        using var span = Source.StartActivity($"publish {hint.Type.Name}", ActivityKind.Producer, hint.Trace);
        using var limit = new CancellationTokenSource(PublishTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stoppingToken);
        // Bounded from outside too: while the bus has no connection, it may check the token late.
        await _bus.Publish(hint.Message, hint.Type, AsHint, either.Token).WaitAsync(either.Token);
    }

    /// <summary>What is queued at shutdown gets a moment to leave.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        if (ExecuteTask is { } loop)
            await Task.WhenAny(loop, Task.Delay(FlushTimeout, _time, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    private readonly record struct Hint(object Message, Type Type, ActivityContext Trace);

    [LoggerMessage(LogLevel.Warning, "hints are not sent, sweeps do the work: {Message} failed: {Reason}")]
    private partial void LogAway(string message, string reason);

    [LoggerMessage(LogLevel.Information, "hints are sent again")]
    private partial void LogBack();
}
