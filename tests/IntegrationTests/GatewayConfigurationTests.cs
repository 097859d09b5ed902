using System.Net;
using Lyceum.Client;
using Lyceum.Tests.IntegrationTests.Clients;

namespace Lyceum.Tests.IntegrationTests;

/// <summary>A system of its own, whose gateway has a configuration file.</summary>
[Trait("Category", "Long")]
public sealed class GatewayConfigurationTests
{
    private const string Token = "the-local-token-of-a-test";
    private const string HmacKey = "the-local-key-of-a-test-0123456789";

    [Fact]
    public async Task ConfigurationFile_AndTheVariablesItNames_ReachTheGateway()
    {
        Environment.SetEnvironmentVariable("GATEWAY_TOKEN_LOCAL", Token);
        Environment.SetEnvironmentVariable("GATEWAY_HMAC_LOCAL", HmacKey);
        var system = new ConfiguredSystem();
        try
        {
            await system.InitializeAsync();
            using var client = system.CreateAnonymousClient();
            client.DefaultRequestHeaders.Add("X-API-Key", Token);
            (await client.GetAsync("/api/conversations", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);

            client.DefaultRequestHeaders.Remove("X-API-Key");
            client.DefaultRequestHeaders.Add("X-API-Key", Token + "x");
            (await client.GetAsync("/api/conversations", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

            // The signed request of docs/examples.md, and the client's own.
            var said = await ExamplePage.RunAsync("python3", "signed.py", client.BaseAddress!,
                new Dictionary<string, string> { ["GATEWAY_HMAC_LOCAL"] = HmacKey }, TestContext.Current.CancellationToken);
            said.ShouldContain("'text': 'hi'");
            using var signing = new LyceumClient(client.BaseAddress!, LyceumCredentials.HmacKey("local", HmacKey));
            var echoed = await signing.Api.PostToolsExecuteAsync(new() { Tool = "echo", Input = new { text = "hi" } }, TestContext.Current.CancellationToken);
            echoed.Status.ShouldBe("ok");
        }
        finally
        {
            await system.DisposeAsync();
        }
    }

    private sealed class ConfiguredSystem : SystemFixture
    {
        // Relative to where the tests run, as somebody would name it who stands in the checkout.
        protected override IEnumerable<string> Arguments =>
            [$"--GATEWAY_CONFIG_FILE={Path.GetRelativePath(Environment.CurrentDirectory, Path.Combine(Repository.Root, "config", "gateway.json"))}"];
    }
}
