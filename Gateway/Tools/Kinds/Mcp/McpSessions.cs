using System.Collections.Concurrent;
using System.Text.Json;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Targets;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Client;

namespace Lyceum.Gateway.Tools.Kinds.Mcp;

/// <summary>
/// The MCP sessions of this process, one for each tenant and server, so that tenants share no state of a server. Idle
/// sessions are closed after <see cref="Idle"/>; there are at most <see cref="MaxSessions"/>, and one more is rejected.
/// </summary>
internal sealed partial class McpSessions(
    EgressConnections connections, TargetHeaders headers, SettingsMonitor settings, IOptions<ShareOptions> shares,
    TimeProvider time, ILogger<McpSessions> logger)
    : BackgroundService
{
    private const int MaxSessions = 256;

    /// <summary>Bytes of one response of a server; the manifest limits the output.</summary>
    private const long MaxAnswer = 8 * 1024 * 1024;

    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<Key, McpSession> _sessions = new();

    private readonly SharedBound _places = new(MaxSessions, shares.Value);

    /// <summary>Why this tenant may not use the target at all; null: it may.</summary>
    public string? Rejection(string tenant, McpTarget target) =>
        target.Server is null || CommandOf(tenant, target) is not null
            ? null : $"{target.Server} is not one of tools.mcp_servers for this tenant";

    /// <summary>The session with this server, in use until disposed.</summary>
    /// <returns>
    /// Null, and why: the server is not configured for this tenant, or there are too many sessions.
    /// </returns>
    public (Use? Use, string? Rejection) Begin(Sharer who, McpTarget target)
    {
        var tenant = who.Tenant;
        if (Rejection(tenant, target) is { } rejection)
            return (null, rejection);
        var key = new Key(tenant, target.Url ?? target.Server!, string.Join('\n', target.Headers.Select(header => header.ToString())));
        // A server whose command has changed gets a new session; the old process is closed when it is idle.
        var server = CommandOf(tenant, target);
        if (server is not null)
            key = key with { Detail = JsonSerializer.Serialize(server) };
        while (true)
        {
            if (_sessions.TryGetValue(key, out var session))
            {
                if (session.TryBegin())
                    return (new Use(this, key, session), null);
                _sessions.TryRemove(new(key, session)); // it is being closed
            }
            if (_places.TryTake(who) is not { } place)
                return (null, "too many MCP sessions are open");
            var made = new McpSession(Transport, place, time);
            made.TryBegin();
            if (_sessions.TryAdd(key, made))
                return (new Use(this, key, made), null);
            place.Dispose();
        }

        IClientTransport Transport() => server is null ? Http(tenant, target) : Stdio(target.Server!, server);
    }

    private McpServerSettings? CommandOf(string tenant, McpTarget target) =>
        target.Server is not null && settings.Get<McpServers>().TryGetValue(target.Server, out var server)
            && server.Tenants.Admit(tenant) ? server : null;

    /// <summary>A session in use. One that could not connect frees its place with its last use.</summary>
    public sealed class Use : IAsyncDisposable
    {
        private readonly McpSessions _owner;
        private readonly Key _key;

        internal Use(McpSessions owner, Key key, McpSession session) =>
            (_owner, _key, Session) = (owner, key, session);

        public McpSession Session { get; }

        public async ValueTask DisposeAsync()
        {
            Session.End();
            if (!Session.IsConnected && Session.TryClose())
                await _owner.CloseAsync(_key, Session);
        }
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
                if (session.IsIdle(Idle) && session.TryClose())
                    await CloseAsync(key, session);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Task.WhenAll(_sessions.Select(session => CloseAsync(session.Key, session.Value)));
    }

    private async Task CloseAsync(Key key, McpSession session)
    {
        _sessions.TryRemove(new(key, session));
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
    internal sealed record Key(string Tenant, string Server, string Detail);

    /// <summary>Adds the headers to each request, so that a replaced secret is used at once.</summary>
    private sealed class HeaderHandler(TargetHeaders headers, string tenant, McpTarget target) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            headers.Add(request.Headers, tenant, request.RequestUri!, target.Headers) is { } rejection
                ? throw new HttpRequestException(rejection)
                : base.SendAsync(request, cancellationToken);
    }
}
