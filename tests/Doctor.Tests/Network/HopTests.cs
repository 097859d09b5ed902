using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Doctor.Tests.Network;

/// <summary>A hop's own answers, as each kind gives them, are told from the gateway's, and named.</summary>
public sealed class HopTests
{
    [Theory]
    [InlineData("nginx", "Server: nginx/1.22.1", "<html><center><h1>502 Bad Gateway</h1></center>")]
    [InlineData("nginx", "", "<html><hr><center>nginx</center></html>")]
    [InlineData("HAProxy", "", "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>")]
    [InlineData("Google's load balancer", "Via: 1.1 google", "no healthy upstream")]
    [InlineData("Envoy", "Server: envoy", "upstream connect error")]
    [InlineData("Envoy", "", "upstream request timeout")]
    [InlineData("Cloudflare", "Server: cloudflare", "error code: 502")]
    [InlineData("AWS's load balancer", "Server: awselb/2.0", "<html>")]
    [InlineData("Azure's Application Gateway", "Server: Microsoft-Azure-Application-Gateway/v2", "<html>")]
    [InlineData("Azure's Front Door", "X-Azure-Ref: 0abc", "Our services aren't available right now")]
    [InlineData("Caddy", "Server: Caddy", "")]
    [InlineData("a hop before the gateway", "", "Bad Gateway")]
    public async Task Answer_OfAHop_NamesIt(string name, string header, string body)
    {
        await using var hop = await ServeAsync(async http =>
        {
            if (header.Split(": ") is [var key, var value])
                http.Response.Headers[key] = value;
            http.Response.StatusCode = StatusCodes.Status502BadGateway;
            await http.Response.WriteAsync(body);
        });

        var examined = await Installation.ExamineAsync(new Uri(hop.Urls.Single()));

        examined["LYC-NET-001"].Saw.ShouldStartWith($"{name} answers 502: it cannot reach the gateway");
    }

    /// <summary>Whatever answers there, the doctor ends, and its report is readable.</summary>
    [Theory]
    [InlineData("application/json", """{"status":"ok","service":"x","checks":{}}""", "data: {\"seq\":0,\"ms\":0,\"facts\":{\"answer_seconds\":1e300,\"ping_seconds\":-5}}\n\nevent: end\ndata: {}\n\n")]
    [InlineData("application/json", """{"status":"ok","service":"x","checks":{}}""", "event: end\ndata: null\n\n")]
    [InlineData("application/json", """{"status":"ok","service":"x","checks":{}}""", "event: end\ndata: [[[[\n\n")]
    [InlineData("application/json", """{"status":7,"checks":[]}""", "")]
    [InlineData("application/json", "[1, 2", "")]
    [InlineData("application/problem+json", """{"code": 5, "detail": ["\u001b[31m"]}""", "")]
    [InlineData("application/problem+json", """{"code": "\u001b[31mred\n", "detail": null}""", "")]
    public async Task Answer_OfAStranger_IsAFinding_AndNoCrash(string type, string health, string stream)
    {
        await using var stranger = await ServeAsync(async http =>
        {
            var isStream = http.Request.Path != "/health" && http.Request.Path != "/version";
            http.Response.ContentType = isStream ? "text/event-stream" : type;
            await http.Response.WriteAsync(isStream ? stream : health);
        });

        var examined = await Installation.ExamineAsync(new Uri(stranger.Urls.Single()));

        examined.Findings.Count.ShouldBe(11);
        examined.Text.ShouldNotContain("\u001b");
    }

    private static async Task<WebApplication> ServeAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        var server = builder.Build();
        server.Urls.Add("http://127.0.0.1:0");
        server.Run(answer);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }
}
