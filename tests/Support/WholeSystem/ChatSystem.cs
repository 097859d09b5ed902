using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>A system with the stub as its language model: a test knows an answer before it asks for it.</summary>
public class ChatSystem : SystemFixture, IAsyncLifetime
{
    private StubModelServer? _stub;

    public StubModelServer Stub => _stub!;

    protected override IEnumerable<string> Arguments =>
    [
        $"--Llm:Endpoint={Stub.Endpoint}", "--Llm:Model=stub",
        // What tests count at the model is what they ask; titles are tested with ChatApi.
        "--Settings:ChatApi:Titles:Enabled=false",
    ];

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
}
