using System.Net;
using System.Text;
using Lyceum.Doctor;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Doctor.Tests.Parts;

/// <summary>What the five services answer a doctor, each on a port of its own. A test may change it.</summary>
public sealed class StubServices : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Dictionary<int, string> _ports = [];

    private StubServices(WebApplication app) => _app = app;

    public IReadOnlyList<Instance> Instances { get; private set; } = [];

    /// <summary><c>/health</c> by service, beside what all have: <c>"model": …</c></summary>
    public Dictionary<string, string> Checks { get; } = [];

    /// <summary>Connections of a service's pool.</summary>
    public Dictionary<string, int> Pools { get; } = [];

    /// <summary>The API token that the gateway accepts.</summary>
    public string Token { get; set; } = "";

    /// <summary>What a model answers; null: 503.</summary>
    public string? Word { get; set; } = "Repeat";

    public static async Task<StubServices> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(server =>
        {
            foreach (var _ in Site.Services)
                server.Listen(IPAddress.Loopback, 0);
        });
        var app = builder.Build();
        var stub = new StubServices(app);
        app.Run(stub.AnswerAsync);
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        stub.Instances = [.. Site.Services.Keys.Zip(addresses, (service, address) => new Instance(service, service, new Uri(address)))];
        foreach (var instance in stub.Instances)
            stub._ports[instance.Address.Port] = instance.Service;
        stub.Reset();
        return stub;
    }

    public void Reset()
    {
        Checks.Clear();
        Pools.Clear();
        foreach (var service in Site.Services)
        {
            Checks[service.Key] = "";
            Pools[service.Key] = 40;
        }
        Checks["gpu-engine"] = """, "model": {"status": "ok", "detail": "upstream: qwen"}, "gpu": {"status": "ok", "detail": "none"}""";
        (Token, Word) = ("an-api-token", "Repeat");
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var service = _ports[http.Connection.LocalPort];
        var mayAsk = http.Request.Headers.Authorization == $"Bearer {Token}";
        var (status, type, body) = (http.Request.Path.Value, mayAsk) switch
        {
            ("/health", _) => (200, "application/json",
                """{"status": "ok", "checks": {"messaging": {"status": "ok", "detail": null}""" + Checks[service] + "}}"),
            ("/health/db", _) => (200, "application/json", $$"""{"pool_size": 5, "checked_in": 5, "waiting": 0, "max_pool_size": {{Pools[service]}}}"""),
            (_, false) => (401, "application/problem+json", """{"code": "unauthorized"}"""),
            ("/v1/chat/completions", _) when Word is null => (503, "application/json", """{"error": {"message": "no slot"}}"""),
            ("/v1/chat/completions", _) => (200, "text/event-stream",
                """data: {"choices": [{"delta": {"role": "assistant"}}]}""" + "\n\n"
                + "data: {\"choices\": [{\"delta\": {\"content\": \"" + Word + "\"}}]}\n\ndata: [DONE]\n\n"),
            _ => (200, "application/json", "{}"),
        };
        (http.Response.StatusCode, http.Response.ContentType) = (status, type);
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
