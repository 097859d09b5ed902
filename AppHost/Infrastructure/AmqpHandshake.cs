using System.Net.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.AppHost.Infrastructure;

/// <summary>
/// Healthy when the broker answers the AMQP 0-9-1 protocol header with a method frame of class 10, <c>connection</c>
/// (<c>connection.start</c>): an open port alone is no broker, and logging in would leave a trace every time.
/// </summary>
internal sealed class AmqpHandshake(ReferenceExpression connectionString) : IHealthCheck
{
    private static readonly byte[] ProtocolHeader = [.. "AMQP"u8, 0, 0, 9, 1];

    public static HealthCheckRegistration Registration(string name, ReferenceExpression connectionString) =>
        new(name, new AmqpHandshake(connectionString), HealthStatus.Unhealthy, tags: null, Patience.Limit);

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Patience.TryAsync(ShakeHandsAsync, TimeProvider.System, cancellationToken);

    private async Task ShakeHandsAsync(CancellationToken cancellationToken)
    {
        var address = new Uri((await connectionString.GetValueAsync(cancellationToken))!);
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port > 0 ? address.Port : 5672, cancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(ProtocolHeader, cancellationToken);

        // type (1 = method), channel (2 bytes), size (4 bytes), class id (2 bytes)
        var answer = new byte[9];
        await stream.ReadExactlyAsync(answer, cancellationToken);
        if (answer[0] != 1 || answer[8] != 10)
            throw new InvalidDataException("what answers there does not speak AMQP 0-9-1");
    }
}
