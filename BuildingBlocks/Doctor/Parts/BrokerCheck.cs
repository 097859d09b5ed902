using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Lyceum.Doctor.Parts;

/// <summary>A message goes to the broker and comes back, by a queue of this check's own that is gone with its connection.</summary>
internal sealed class BrokerCheck(string? broker) : Check
{
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Farewell = TimeSpan.FromMilliseconds(500);

    public override string Id => Ids.Broker;

    public override string Doc => "docs/runbook.md";

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "a message that comes back";
        if (broker is null)
            return Outcome.Skipped("where the broker is is not known here", "ConnectionStrings__messaging, or GET /api/ops/doctor");
        if (!Uri.TryCreate(broker, UriKind.Absolute, out var address))
            return Outcome.Fail("ConnectionStrings__messaging is no address", "amqp://USER:PASSWORD@HOST:PORT", "Correct ConnectionStrings__messaging.");
        var place = $"{address.Host}:{(address.Port > 0 ? address.Port : 5672)}";
        var factory = new ConnectionFactory
        {
            Uri = address, AutomaticRecoveryEnabled = false, ClientProvidedName = "lyceum doctor",
            RequestedConnectionTimeout = TimeSpan.FromSeconds(4), ContinuationTimeout = TimeSpan.FromSeconds(4),
        };
        string? blocked = null;
        IConnection? connection = null;
        try
        {
            connection = await factory.CreateConnectionAsync(cancellationToken);
            connection.ConnectionBlockedAsync += (_, block) =>
            {
                blocked = block.Reason;
                return Task.CompletedTask;
            };
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            await RoundTripAsync(connection, cancellationToken);
            var took = System.Diagnostics.Stopwatch.GetElapsedTime(began);
            return Outcome.Ok($"{place}: there and back in {took.TotalMilliseconds:0} ms");
        }
        catch (BrokerUnreachableException e)
        {
            return e.InnerException is AuthenticationFailureException or PossibleAuthenticationFailureException
                ? Outcome.Fail($"{place}: the login is refused", expected,
                    "Correct user and password in ConnectionStrings__messaging, or rabbitmqctl change_password.")
                : Outcome.Fail($"{place}: {Innermost(e)}", expected,
                    "Start RabbitMQ; see its address in ConnectionStrings__messaging. Without it everything works, some of it later.");
        }
        catch (OperationInterruptedException e)
        {
            return Outcome.Fail($"{place}: {e.ShutdownReason?.ReplyText ?? e.Message}", expected,
                "Give the user of ConnectionStrings__messaging all rights on its virtual host: rabbitmqctl set_permissions.");
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return blocked is { } reason
                ? Outcome.Fail($"{place}: it takes no messages: {reason}", expected,
                    "rabbitmq-diagnostics alarms: give it memory, or disk beyond disk_free_limit.")
                : Outcome.Fail($"{place}: nothing came back within {Back.TotalSeconds:0} s", expected, "See RabbitMQ's log, and rabbitmq-diagnostics alarms.");
        }
        finally
        {
            // A broker that takes no messages does not read a farewell either.
            if (connection is not null)
                await connection.CloseAsync(200, "", Farewell, abort: true, CancellationToken.None);
        }
    }

    private static async Task RoundTripAsync(IConnection connection, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Back);
        // It goes with its connection.
        var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), limit.Token);
        var queue = await channel.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, cancellationToken: limit.Token);
        var sent = Guid.NewGuid().ToByteArray();
        var back = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            if (delivery.Body.Span.SequenceEqual(sent))
                back.TrySetResult();
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue.QueueName, autoAck: true, consumer, limit.Token);
        await channel.BasicPublishAsync("", queue.QueueName, mandatory: true, sent, limit.Token);
        await back.Task.WaitAsync(limit.Token);
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = e is AggregateException { InnerExceptions: [.., var last] } ? last : inner;
        return e.Message;
    }
}
