using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Json;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Lyceum.Gateway.Tools.Kinds.Mcp;

/// <summary>
/// A connection to one MCP server for one tenant, and the server's definitions of its tools. Connects when it is first
/// needed, and again after the connection broke; definitions are read again once they are older than
/// <see cref="DefinitionsAge"/>.
/// </summary>
/// <param name="place">Among all sessions; freed when it is closed.</param>
internal sealed class McpSession(Func<IClientTransport> transport, IDisposable place, TimeProvider time) : IAsyncDisposable
{
    /// <summary>How long a changed definition may go unnoticed.</summary>
    private static readonly TimeSpan DefinitionsAge = TimeSpan.FromSeconds(30);

    /// <summary>Of connecting and listing tools. A caller's own timeout may be shorter.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    // Of one listing. A server that says there is more beyond them is not used.
    private const int MaxPages = 50;
    private const int MaxTools = 1_000;
    private const int MaxDefinitionBytes = 4 * 1024 * 1024;

    /// <summary>Bytes of all answers to one listing, whatever they are.</summary>
    private const long MaxListBytes = 16 * 1024 * 1024;

    private static readonly McpClientOptions Options = new()
    {
        ClientInfo = new Implementation { Name = "lyceum-gateway", Version = "1" },
        InitializationTimeout = ConnectTimeout,
        DiscoverProbeTimeout = TimeSpan.FromSeconds(3),
    };

    // Held while connecting, listing or closing; other calls wait for it. Guards the fields below.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private McpClient? _client;
    private FrozenDictionary<string, McpDefinition> _definitions = FrozenDictionary<string, McpDefinition>.Empty;
    private long _listed;
    private bool _closed;

    private long _used = time.GetTimestamp();
    private int _uses;
    private const int Closing = int.MinValue;

    /// <summary>Whether it was not used for so long.</summary>
    public bool IsIdle(TimeSpan since) => time.GetElapsedTime(Volatile.Read(ref _used)) > since;

    /// <summary>Whether it has, or had, a connection that the next call may use.</summary>
    public bool IsConnected => Volatile.Read(ref _client) is not null;

    /// <summary>Marks it as in use, until <see cref="End"/>.</summary>
    /// <returns>False: it is being closed.</returns>
    public bool TryBegin()
    {
        for (var uses = Volatile.Read(ref _uses); uses != Closing;)
        {
            var seen = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (seen == uses)
                return true;
            uses = seen;
        }
        return false;
    }

    public void End()
    {
        Volatile.Write(ref _used, time.GetTimestamp());
        Interlocked.Decrement(ref _uses);
    }

    /// <summary>Nobody uses it, and from now on nobody will: the caller disposes it.</summary>
    public bool TryClose() => Interlocked.CompareExchange(ref _uses, Closing, 0) == 0;

    /// <summary>The connected client, and the tool as its server defines it now (null: it has none of this name).</summary>
    public async Task<(McpClient Client, McpDefinition? Definition)> OpenAsync(string tool, CancellationToken cancelled)
    {
        await _turn.WaitAsync(cancelled);
        try
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
            limit.CancelAfter(ConnectTimeout);
            if (_client is { Completion.IsCompleted: true }
                || _client is not null && time.GetElapsedTime(_listed) > DefinitionsAge
                    && !await ListAsync(_client, limit.Token))
                await CloseClientAsync();
            if (_client is null)
            {
                _client = await McpClient.CreateAsync(transport(), Options, cancellationToken: limit.Token);
                await ListAsync(_client, limit.Token, orThrow: true);
            }
            return (_client, _definitions.GetValueOrDefault(tool));
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <returns>False: the server did not answer, and a new connection is to be tried.</returns>
    private async Task<bool> ListAsync(McpClient client, CancellationToken cancelled, bool orThrow = false)
    {
        try
        {
            _definitions = await ReadDefinitionsAsync(client, cancelled);
            _listed = time.GetTimestamp();
            return true;
        }
        catch (Exception) when (!orThrow && !cancelled.IsCancellationRequested)
        {
            return false;
        }
        catch
        {
            // Connected, but its tools are unknown: the next call must connect anew.
            await CloseClientAsync();
            throw;
        }
    }

    /// <summary>
    /// Page by page: the client's own loop would follow a server for as long as it names a next page. An empty cursor
    /// is the end, as some servers write it.
    /// </summary>
    private static async Task<FrozenDictionary<string, McpDefinition>> ReadDefinitionsAsync(
        McpClient client, CancellationToken cancelled)
    {
        using var allowance = LimitedAnswers.Limit(MaxListBytes);
        var definitions = new Dictionary<string, McpDefinition>();
        var (bytes, tools) = (0, 0);
        string? cursor = null;
        for (var page = 1; page <= MaxPages; page++)
        {
            var list = await client.ListToolsAsync(new ListToolsRequestParams { Cursor = cursor }, cancelled);
            foreach (var tool in list.Tools)
            {
                var definition = McpDefinition.Of(tool);
                bytes += definition.Bytes;
                if (++tools > MaxTools || bytes > MaxDefinitionBytes)
                    throw new IOException($"the server lists more than {MaxTools} tools, or {MaxDefinitionBytes} bytes of them");
                definitions.TryAdd(definition.Name, definition);
            }
            if (string.IsNullOrEmpty(list.NextCursor))
                return definitions.ToFrozenDictionary();
            if (list.NextCursor == cursor)
                break;
            cursor = list.NextCursor;
        }
        throw new IOException($"the server's list of tools does not end within {MaxPages} pages");
    }

    /// <summary>The server has forgotten this client: the next call connects anew.</summary>
    public async Task DropAsync(McpClient client)
    {
        await _turn.WaitAsync();
        try
        {
            if (ReferenceEquals(_client, client))
                await CloseClientAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task CloseClientAsync()
    {
        var client = _client;
        _client = null;
        if (client is not null)
            await client.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        try
        {
            _closed = true;
            await CloseClientAsync();
        }
        finally
        {
            place.Dispose();
            _turn.Release();
        }
    }
}

/// <summary>A tool as its server defines it: what decides its calls, and what a model reads of it.</summary>
/// <param name="Digest">Of name, title, description, schemas and annotations.</param>
/// <param name="Bytes">What the server wrote of it, about.</param>
internal sealed record McpDefinition(string Name, string? Description, JsonElement InputSchema, string Digest, int Bytes)
{
    private static readonly string[] Parts = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

    /// <exception cref="JsonException">An object has two members of one name.</exception>
    /// <exception cref="InvalidOperationException">A text in it is not Unicode.</exception>
    public static McpDefinition Of(Tool tool)
    {
        var whole = JsonSerializer.SerializeToElement(tool, McpJsonUtilities.DefaultOptions.GetTypeInfo(typeof(Tool)));
        var parts = new JsonObject(whole.EnumerateObject().Where(part => Parts.Contains(part.Name))
            .Select(part => KeyValuePair.Create(part.Name, JsonNode.Parse(part.Value.GetRawText()))));
        using var document = JsonDocument.Parse(parts.ToJsonString(), JsonBody.Strict);
        return new(tool.Name, tool.Description, tool.InputSchema.Clone(), CanonicalJson.Digest(CanonicalJson.Of(document.RootElement)),
            JsonMarshal.GetRawUtf8Value(whole).Length);
    }
}
