using Lyceum.ServiceDefaults.Http;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class DiscoveryTests
{
    private static async Task<IReadOnlyList<string>> FindAsync(string service, Dictionary<string, string?> variables)
    {
        await using var services = new ServiceCollection().AddLogging().AddServiceDiscovery()
            .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(variables).Build()).BuildServiceProvider();
        var found = await services.GetRequiredService<ServiceEndpointResolver>().GetAddressesAsync(service, TestContext.Current.CancellationToken);
        return [.. found.Select(address => address.ToString())];
    }

    [Fact]
    public async Task Replicas_AreFoundInOrder_AndOnlyThisServices()
    {
        var found = await FindAsync("chat-api", new()
        {
            ["services:chat-api:http:10"] = "http://localhost:10",
            ["services:chat-api:http:2"] = "http://localhost:2",
            ["services:chat-api:http:0"] = "http://localhost:1",
            ["services:chat-api-gateway:http:0"] = "http://localhost:66",
            ["services:chat:http:0"] = "http://localhost:67",
        });

        found.ShouldBe(["http://localhost:1/", "http://localhost:2/", "http://localhost:10/"]);
    }

    [Fact]
    public async Task Http_IsPreferred_HttpsTakenWhereItIsAllThereIs()
    {
        (await FindAsync("a", new() { ["services:a:https:0"] = "https://localhost:2", ["services:a:http:0"] = "http://localhost:1" }))
            .ShouldBe(["http://localhost:1/"]);
        (await FindAsync("a", new() { ["services:a:https:0"] = "https://localhost:2" })).ShouldBe(["https://localhost:2/"]);
        (await FindAsync("a", [])).ShouldBeEmpty();
    }

    [Fact]
    public void Bounds_AgreeByDerivation()
    {
        var answers = new AnswersOptions { MaxDuration = TimeSpan.FromMinutes(10), Ping = TimeSpan.FromSeconds(20) };

        answers.GatewayActivityTimeout.ShouldBe(TimeSpan.FromSeconds(80));
        answers.WholeAnswerTimeout.ShouldBe(TimeSpan.FromSeconds(610));
    }

    [Fact]
    public async Task FaultyBounds_AreReportedTogether()
    {
        using var identity = new IdentityFolder("chat-api");
        await using var app = TestService.Create(identity.Settings("chat-api"), settings: new()
        {
            ["Answers:MaxDuration"] = "00:00:00", ["Answers:Ping"] = "-00:00:01", ["Answers:Connect"] = "30.00:00:00",
        });

        var failure = await Should.ThrowAsync<OptionsValidationException>(() => app.StartAsync(TestContext.Current.CancellationToken));

        failure.Failures.Count().ShouldBe(3);
    }

    [Fact]
    public async Task ServiceClient_ReachesTheService_AndNeverRepeats()
    {
        var posts = 0;
        using var identity = new IdentityFolder("chat-api", "gpu-engine");
        await using var engine = await TestService.StartAsync(identity, "gpu-engine", map: app => app.MapPost("/fail", (HttpContext http) =>
        {
            Interlocked.Increment(ref posts);
            http.Abort();
        }).AllowAnonymous());
        await using var chat = await TestService.StartAsync(
            identity, "chat-api", builder => builder.AddServiceClient("gpu-engine"));
        using var client = chat.Services.GetRequiredService<IHttpClientFactory>().CreateClient("gpu-engine");

        client.Timeout.ShouldBe(Timeout.InfiniteTimeSpan);
        await Should.ThrowAsync<HttpRequestException>(() => client.PostAsync(new Uri(engine.Address, "/fail"), new StringContent("x"), TestContext.Current.CancellationToken));
        posts.ShouldBe(1);
    }
}
