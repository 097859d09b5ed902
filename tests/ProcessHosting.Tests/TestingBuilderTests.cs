using System.Net.Http.Json;

namespace Lyceum.Tests.ProcessHosting;

public class TestingBuilderTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task CreateAsync_RunsTheAppHostsOwnMain_AndTheTestCanChangeIt()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.SampleAppHost>(["--Given=yes"], Token);
        builder.Configuration["Given"].ShouldBe("yes");
        builder.AppHostDirectory.ShouldBe(Projects.SampleAppHost.ProjectPath);
        builder.CreateResourceBuilder((ProjectResource)builder.Resources.Single(r => r.Name == "service")).WithEnvironment("ADDED", "by the test");

        await using var app = await builder.BuildAsync(Token);
        Should.Throw<InvalidOperationException>(() => app.GetEndpoint("service"));
        await app.StartAsync(Token);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);

        using var client = app.CreateHttpClient("service", "http");
        client.BaseAddress.ShouldBe(app.GetEndpoint("service"));
        client.BaseAddress!.Port.ShouldNotBe(18299);
        (await client.GetFromJsonAsync<string[]>("/arguments", Token)).ShouldBe(["--from", "apphost"]);
        (await client.GetFromJsonAsync<Dictionary<string, string>>("/environment", Token))!["ADDED"].ShouldBe("by the test");
        (await app.GetConnectionStringAsync("store", Token)).ShouldBe($"Url={client.BaseAddress.ToString().TrimEnd('/')};User=someone");
        Should.Throw<ArgumentException>(() => app.GetEndpoint("nobody"));
        Should.Throw<ArgumentException>(() => app.GetEndpoint("service", "nothing"));

        app.ResourceNotifications.TryGetCurrentState("service", out var service).ShouldBeTrue();
        var pid = (int)service.Snapshot.Properties.Single(p => p.Name == "executable.pid").Value!;
        await app.StopAsync(Token);
        Machine.IsAlive(pid).ShouldBeFalse();
    }

    [Fact]
    public async Task CreateAsync_OfTheSameAppHostTwice_GivesTwoApplications()
    {
        await using var one = await DistributedApplicationTestingBuilder.CreateAsync<Projects.SampleAppHost>(["--Who=one"], Token);
        await using var two = await DistributedApplicationTestingBuilder.CreateAsync<Projects.SampleAppHost>(["--Who=two"], Token);
        one.Configuration["Who"].ShouldBe("one");
        two.Configuration["Who"].ShouldBe("two");
        one.Resources.Single(r => r.Name == "service").ShouldNotBe(two.Resources.Single(r => r.Name == "service"));
    }

    [Fact]
    public async Task CreateAsync_OfAMainThatThrows_Throws()
        => (await Should.ThrowAsync<InvalidOperationException>(
            DistributedApplicationTestingBuilder.CreateAsync<Projects.SampleAppHost>(["--Fail=on purpose"], Token))).Message.ShouldBe("on purpose");

    [Fact]
    public async Task ConfigureBuilder_SeesTheOptionsBeforeTheBuilderIsMade()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.SampleAppHost>(
            [], (options, settings) => settings.EnvironmentName = "Staging", Token);
        builder.Environment.EnvironmentName.ShouldBe("Staging");
    }
}
