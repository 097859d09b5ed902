using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>The house with the stub as its language model: what an answer will be is known before it is asked for.</summary>
public class ChatHouse : HouseFixture, IAsyncLifetime
{
    private StubModelServer? _stub;

    public StubModelServer Stub => _stub!;

    protected override IEnumerable<string> Arguments => [$"--Llm:Endpoint={Stub.Endpoint}", "--Llm:Model=stub"];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        _stub = await StubModelServer.StartAsync();
        await InitializeAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await Stub.DisposeAsync();
        GC.SuppressFinalize(this);
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

[CollectionDefinition(Name)]
public sealed class ChatHouseCollection : ICollectionFixture<ChatHouse>
{
    public const string Name = "chat house";
}
