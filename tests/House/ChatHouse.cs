using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.House;

/// <summary>The house with the stub as its language model: what an answer will be is known before it is asked for.</summary>
public class ChatHouse : HouseFixture, IAsyncLifetime
{
    private StubModelServer? _stub;

    public StubModelServer Stub => _stub!;

    protected override IEnumerable<string> Arguments => [$"--Llm:Endpoint={Stub.Endpoint}", "--Llm:Model=stub"];

    ValueTask IAsyncLifetime.InitializeAsync() => StartWithStubAsync();

    ValueTask IAsyncDisposable.DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return StopWithStubAsync();
    }

    protected async ValueTask StartWithStubAsync()
    {
        _stub = await StubModelServer.StartAsync();
        await InitializeAsync();
    }

    protected async ValueTask StopWithStubAsync()
    {
        await DisposeAsync();
        await Stub.DisposeAsync();
    }

    public ChatClient CreateChatClient() => new(CreateGatewayClient());

    /// <summary>A connection to chatdb of the test's own.</summary>
    public async Task<Npgsql.NpgsqlConnection> OpenDatabaseAsync()
    {
        var connection = new Npgsql.NpgsqlConnection(await GetConnectionStringAsync("chatdb"));
        await connection.OpenAsync();
        return connection;
    }
}
