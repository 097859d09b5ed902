// StubModel [--port N] [--rate TOKENS_PER_S] [--tokens N] [--model ID] [--api-key KEY]
using Lyceum.Tests.StubModel;

var settings = new ConfigurationBuilder().AddCommandLine(args).Build();
var options = new StubOptions(
    settings.GetValue("port", 0),
    [settings.GetValue("model", "stub")!],
    settings["api-key"],
    new StubScript { Rate = settings.GetValue("rate", 50.0), Tokens = settings.GetValue("tokens", 20) });
await using var server = await StubModelServer.StartAsync(options);
Console.WriteLine($"listening on {server.Url}");
await server.WaitForShutdownAsync();
