using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Messaging;
using MassTransit;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>Sends transcripts, and receives the answers, by the message broker.</summary>
internal sealed class MessagingSink(IBus bus, TimeProvider time) : ITranscriptSink
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public async Task SendAsync(RecordSessionTurns turns, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            // WaitAsync too: while the bus has no connection, it may react late to the token.
            await bus.Publish(turns, either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"the broker did not confirm within {Limit.TotalSeconds} s", e);
        }
    }

    /// <summary>Receives the answers; each engine gets all of them and finds its own sessions in them.</summary>
    internal sealed class SessionTurnsRecordedConsumer(TranscriptForwarder forwarder) : IConsumer<SessionTurnsRecorded>
    {
        public Task Consume(ConsumeContext<SessionTurnsRecorded> context)
        {
            forwarder.Answered(context.Message);
            return Task.CompletedTask;
        }
    }
}

/// <summary>Forwarding, where a broker is configured.</summary>
internal static class TranscriptForwarding
{
    public static WebApplicationBuilder AddTranscriptForwarding(this WebApplicationBuilder builder)
    {
        if (builder.Configuration.GetConnectionString(MessagingExtensions.ConnectionName) is not { Length: > 0 })
            return builder; // transcripts are not collected: the log keeps the newest
        builder.AddMessaging(bus => bus.AddFanOutConsumer<MessagingSink.SessionTurnsRecordedConsumer>());
        builder.Services.AddSingleton<ITranscriptSink, MessagingSink>();
        return builder.AddForwarder();
    }

    internal static WebApplicationBuilder AddForwarder(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<TranscriptForwarder>();
        builder.Services.AddHostedService(services => services.GetRequiredService<TranscriptForwarder>());
        return builder;
    }
}
