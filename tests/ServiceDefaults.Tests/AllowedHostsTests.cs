using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>A page whose name was made to resolve to this machine (DNS rebinding) reads nothing.</summary>
public sealed class AllowedHostsTests : IDisposable
{
    private static readonly string[] Paths = ["/metrics", "/health", "/version", "/nowhere"];

    private readonly IdentityFolder _identity = new("gateway", "chat-api");

    public void Dispose() => _identity.Dispose();

    [Theory]
    [InlineData("evil.example")]
    [InlineData("evil.example:8080")]
    [InlineData("localhost.evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("127.0.0.1.nip.io")]
    [InlineData("chat-api.evil.example")]
    [InlineData("evillocalhost")]
    [InlineData("192.168.1.7")] // not the address that the connection came to
    [InlineData("[2001:db8::1]")]
    [InlineData("169.254.169.254")]
    [InlineData("metadata.google.internal")]
    public async Task Request_OfAnotherName_IsRejected(string host)
    {
        await using var service = await StartAsync();
        foreach (var path in Paths)
        {
            // The second is what a page could add to look like a proxy's request.
            foreach (var forwarded in (string?[])[null, "localhost"])
            {
                using var response = await SendAsync(service, path, host, forwarded);
                await response.ShouldBeProblem(HttpStatusCode.BadRequest, "unknown_host");
            }
        }
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST:81")]
    [InlineData("localhost.")]
    [InlineData("127.0.0.1")]
    [InlineData("127.1.2.3:9000")]
    [InlineData("[::1]:9000")]
    [InlineData("chat-api")] // as Aspire and Kubernetes name the service
    [InlineData("chat-api-2:8080")] // and its instance
    [InlineData("resource.dev.localhost")]
    public async Task Request_OfAnOwnName_IsAnswered(string host)
    {
        await using var service = await StartAsync(("Service:Instance", "chat-api-2"));
        (await SendAsync(service, "/metrics", host)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("AllowedHosts", "lyceum.example;*.school.example", "lyceum.example", true)]
    [InlineData("AllowedHosts", "lyceum.example;*.school.example", "a.b.school.example:8443", true)]
    [InlineData("AllowedHosts", "lyceum.example;*.school.example", "school.example", false)]
    [InlineData("AllowedHosts", "lyceum.example;*.school.example", "evilschool.example", false)]
    [InlineData("AllowedHosts", "lyceum.example", "localhost", true)] // what is known stays
    [InlineData("AllowedHosts", "*", "evil.example", true)]
    [InlineData("Engine:PublicUrl", "wss://tutor.example:9000/ws", "tutor.example", true)]
    [InlineData("Engine:InstanceUrl", "http://gpu-box:9000", "gpu-box:9000", true)]
    public async Task Request_OfAConfiguredName_IsAnswered(string setting, string value, string host, bool answered)
    {
        await using var service = await StartAsync((setting, value));
        (await SendAsync(service, "/version", host)).StatusCode
            .ShouldBe(answered ? HttpStatusCode.OK : HttpStatusCode.BadRequest);
    }

    private Task<TestService> StartAsync(params (string Key, string Value)[] settings) => TestService.StartAsync(
        _identity, "chat-api", settings: settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value));

    private static Task<HttpResponseMessage> SendAsync(
        TestService service, string path, string host, string? forwarded = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Host = host } };
        if (forwarded is not null)
            request.Headers.Add("X-Forwarded-Host", forwarded);
        return service.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
