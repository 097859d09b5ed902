using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Messaging;
using MassTransit;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>Transcripts go out, and answers come in, by the message broker.</summary>
internal sealed class MessagingKeeper(IBus bus, TimeProvider time) : ITranscriptKeeper
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public async Task KeepAsync(RecordSessionTurns turns, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            // Waited for from outside too: while the bus has no connection, it may look at the token late.
            await bus.Publish(turns, either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"the broker did not confirm within {Limit.TotalSeconds} s", e);
        }
    }

    /// <summary>Hears the answers; each engine gets all of them and knows its own sessions.</summary>
    internal sealed class SessionTurnsRecordedConsumer(TranscriptForwarder forwarder) : IConsumer<SessionTurnsRecorded>
    {
        public Task Consume(ConsumeContext<SessionTurnsRecorded> context)
        {
            forwarder.Answered(context.Message);
            return Task.CompletedTask;
        }
    }
}

/// <summary>Forwarding, where there is a broker to forward by.</summary>
internal static class TranscriptForwarding
{
    public static WebApplicationBuilder AddTranscriptForwarding(this WebApplicationBuilder builder)
    {
        if (builder.Configuration.GetConnectionString(MessagingExtensions.ConnectionName) is not { Length: > 0 })
            return builder; // nobody waits for transcripts: the log keeps the newest
        builder.AddMessaging(bus => bus.AddFanOutConsumer<MessagingKeeper.SessionTurnsRecordedConsumer>());
        builder.Services.AddSingleton<ITranscriptKeeper, MessagingKeeper>();
        return builder.AddForwarder();
    }

    internal static WebApplicationBuilder AddForwarder(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<TranscriptForwarder>();
        builder.Services.AddHostedService(services => services.GetRequiredService<TranscriptForwarder>());
        return builder;
    }
}
