using System.Net.Http.Headers;
using Lyceum.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Support.Services;

/// <summary>A service with ServiceDefaults on real Kestrel, loopback, a port of the system's choice.</summary>
public sealed class TestService(WebApplication app) : IAsyncDisposable
{
    public IServiceProvider Services => app.Services;

    public WebApplication App => app;

    public Uri Address { get; } = new(
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Who leaves an answer unread leaves at once: by itself the handler would read on for two seconds.</summary>
    public HttpClient Client { get; } = new(new SocketsHttpHandler { MaxResponseDrainSize = 0 });

    public static async Task<TestService> StartAsync(
        IdentityFolder identity, string name, Action<WebApplicationBuilder>? build = null, Action<WebApplication>? map = null,
        Dictionary<string, string?>? settings = null)
    {
        var app = Create(identity.Settings(name), build, map, settings);
        await app.StartAsync(TestContext.Current.CancellationToken);
        var service = new TestService(app);
        service.Client.BaseAddress = service.Address;
        return service;
    }

    public static WebApplication Create(
        Dictionary<string, string?> identity, Action<WebApplicationBuilder>? build = null, Action<WebApplication>? map = null,
        Dictionary<string, string?>? settings = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Configuration.AddInMemoryCollection(identity).AddInMemoryCollection(settings ?? []);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddServiceDefaults();
        build?.Invoke(builder);
        var app = builder.Build();
        app.UseServiceDefaults();
        app.MapDefaultEndpoints();
        map?.Invoke(app);
        return app;
    }

    public Task<HttpResponseMessage> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token);

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token = null, HttpContent? content = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.DisposeAsync();
    }
}
