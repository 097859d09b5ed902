using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Upstream;

/// <summary>The ways to a language model, each with what it takes to use it.</summary>
internal static class Connector
{
    public const string OpenAI = "openai";
    public const string Azure = "azure-openai";

    public static string[] All { get; } = [OpenAI, Azure];

    /// <summary>An engine that asks a stub model over this connector.</summary>
    public static Task<Engine> EngineAsync(string connector, params (string Key, string Value)[] settings) =>
        EngineAsync(connector, new StubOptions(), settings);

    public static async Task<Engine> EngineAsync(string connector, StubOptions options, params (string Key, string Value)[] settings)
    {
        var stub = await StubModelServer.StartAsync(options, TestContext.Current.CancellationToken);
        return await Engine.StartAsync(stub, [.. Settings(connector, stub.Url, "stub"), .. settings]);
    }

    /// <summary>An engine before a model server that the test speaks for.</summary>
    public static Task<Engine> EngineAsync(string connector, RawUpstream upstream, params (string Key, string Value)[] settings) =>
        Engine.StartAsync(null, [.. Settings(connector, upstream.Url, "raw"), .. settings]);

    public static (string Key, string Value)[] Settings(string connector, string url, string model) =>
    [
        ("Llm:Connector", connector), ("Llm:Endpoint", connector is Azure ? url : url + "/v1"), ("Llm:Model", model),
        ("Llm:ApiKey", "s3cret"),
    ];
}
