using System.Collections.Concurrent;
using System.Text.Json;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Targets;
using ModelContextProtocol.Client;

namespace Lyceum.Gateway.Tools.Kinds.Mcp;

/// <summary>
/// The MCP sessions of this process, one for each tenant and server, so that tenants share no state of a server. Idle
/// sessions are closed after <see cref="Idle"/>; there are at most <see cref="MaxSessions"/>, and one more is rejected.
/// </summary>
internal sealed partial class McpSessions(
    EgressConnections connections, TargetHeaders headers, SettingsMonitor settings,
        TimeProvider time, ILogger<McpSessions> logger)
    : BackgroundService
{
    private const int MaxSessions = 256;

    /// <summary>Bytes of one response of a server; the manifest limits the output.</summary>
    private const long MaxAnswer = 8 * 1024 * 1024;

    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<Key, McpSession> _sessions = new();

    /// <returns>Null, and why: the server is not configured for this tenant, or there are too many sessions.</returns>
    public (McpSession? Session, string? Rejection) Find(string tenant, McpTarget target)
    {
        var key = new Key(tenant, target.Url ?? target.Server!, string.Join('\n', target.Headers.Select(header => header.ToString())));
        McpServerSettings? server = null;
        if (target.Server is not null
            && (!settings.Get<McpServers>().TryGetValue(target.Server, out server) || !server.Tenants.Admit(tenant)))
            return (null, $"{target.Server} is not one of tools.mcp_servers for this tenant");
        // A server whose command has changed gets a new session; the old process is closed when it is idle.
        if (server is not null)
            key = key with { Detail = JsonSerializer.Serialize(server) };
        if (_sessions.TryGetValue(key, out var session))
            return (session, null);
        if (_sessions.Count >= MaxSessions)
            return (null, "too many MCP sessions are open");
        return (_sessions.GetOrAdd(key, _ => new McpSession(Transport, time)), null);

        IClientTransport Transport() => server is null ? Http(tenant, target) : Stdio(target.Server!, server);
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
                // Only answers to calls are used.
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
            // The gateway's own environment may contain secrets.
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
            LogCloseFailed(e.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "MCP session failed to close: {Reason}")]
    private partial void LogCloseFailed(string reason);

    /// <param name="Detail">What else makes it another session: headers, a command.</param>
    private sealed record Key(string Tenant, string Server, string Detail);

    /// <summary>Adds the headers to each request, so that a replaced secret is used at once.</summary>
    private sealed class HeaderHandler(TargetHeaders headers, string tenant, McpTarget target) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            headers.Add(request.Headers, tenant, request.RequestUri!, target.Headers) is { } rejection
                ? throw new HttpRequestException(rejection)
                : base.SendAsync(request, cancellationToken);
    }
}
