using System.Collections.Concurrent;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Registry;
using ModelContextProtocol.Client;

namespace Lyceum.Gateway.Tools.Mcp;

/// <summary>
/// The MCP sessions of this process, one for each tenant and server: what a server remembers of one tenant's session, no other tenant
/// comes into. Idle ones are closed after <see cref="Idle"/>; there are <see cref="MaxSessions"/> at most, and one more is refused.
/// </summary>
internal sealed class McpSessions(
    EgressConnections connections, TargetHeaders headers, CurrentToolSettings settings, TimeProvider time, ILogger<McpSessions> logger)
    : BackgroundService
{
    private const int MaxSessions = 256;

    /// <summary>Bytes of one answer as it comes; what a tool may give of it is its manifest's to say.</summary>
    private const long MaxAnswer = 8 * 1024 * 1024;

    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<Key, McpSession> _sessions = new();

    /// <returns>Null, and why: a server that is not configured for this tenant, or too many sessions.</returns>
    public (McpSession? Session, string? Refusal) Find(string tenant, McpTarget target)
    {
        var key = new Key(tenant, target.Url ?? target.Server!, string.Join('\n', target.Headers.Select(header => header.ToString())));
        McpServerSettings? server = null;
        if (target.Server is not null
            && (!settings.Value.McpServers.TryGetValue(target.Server, out server) || !CurrentToolSettings.Admits(server.Tenants, tenant)))
            return (null, $"{target.Server} is not one of tools.mcp_servers for this tenant");
        // A server whose command changed is another one; the old process goes when it has been idle.
        if (server is not null)
            key = key with { Detail = System.Text.Json.JsonSerializer.Serialize(server) };
        if (_sessions.TryGetValue(key, out var session))
            return (session, null);
        if (_sessions.Count >= MaxSessions)
            return (null, "too many MCP sessions are open");
        return (_sessions.GetOrAdd(key, _ => new McpSession(() => server is null ? Http(tenant, target) : Stdio(target.Server!, server), time)), null);
    }

    private HttpClientTransport Http(string tenant, McpTarget target)
    {
        var address = new Uri(target.Url!);
        var secrets = new HeaderHandler(headers, tenant, target) { InnerHandler = new LimitedAnswers(MaxAnswer) { InnerHandler = connections } };
        return new HttpClientTransport(
            new HttpClientTransportOptions
            {
                Endpoint = address,
                TransportMode = HttpTransportMode.StreamableHttp,
                // Only what answers a call is of use here.
                EnableStandaloneGetStream = false,
                MaxReconnectionAttempts = 0,
                Name = address.Host,
            },
            new HttpClient(secrets, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan }, ownsHttpClient: true);
    }

    private static StdioClientTransport Stdio(string name, McpServerSettings server)
    {
        var environment = StdioClientTransportOptions.GetDefaultEnvironmentVariables();
        foreach (var variable in server.PassEnv)
            environment[variable] = Environment.GetEnvironmentVariable(variable);
        foreach (var (variable, value) in server.Env)
            environment[variable] = value;
        return new StdioClientTransport(new StdioClientTransportOptions
        {
            Name = name,
            Command = server.Command,
            Arguments = [.. server.Args],
            // The gateway's own environment holds secrets.
            InheritEnvironmentVariables = false,
            EnvironmentVariables = environment,
            ShutdownTimeout = TimeSpan.FromSeconds(1),
        });
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var (key, session) in _sessions)
            {
                if (session.IsIdle(Idle) && _sessions.TryRemove(new(key, session)))
                    await CloseAsync(session);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Task.WhenAll(_sessions.Values.Select(CloseAsync));
        _sessions.Clear();
    }

    private async Task CloseAsync(McpSession session)
    {
        try
        {
            await session.DisposeAsync();
        }
        catch (Exception e)
        {
            McpLog.CloseFailed(logger, e.Message);
        }
    }

    /// <param name="Detail">What else makes it another session: headers, a command.</param>
    private sealed record Key(string Tenant, string Server, string Detail);

    /// <summary>For each request anew, so that a secret that was replaced is in force at once.</summary>
    private sealed class HeaderHandler(TargetHeaders headers, string tenant, McpTarget target) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            headers.Add(request.Headers, tenant, request.RequestUri!, target.Headers) is { } refusal
                ? throw new HttpRequestException(refusal)
                : base.SendAsync(request, cancellationToken);
    }
}

internal static partial class McpLog
{
    [LoggerMessage(LogLevel.Information, "an MCP session did not close well: {Reason}")]
    public static partial void CloseFailed(ILogger logger, string reason);
}
