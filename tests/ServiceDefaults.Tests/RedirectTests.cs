using System.Net;
using Lyceum.ServiceDefaults.Http;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class RedirectTests : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");

    public void Dispose() => _identity.Dispose();

    /// <summary>Also one that nobody has said anything about.</summary>
    [Theory]
    [InlineData("named nowhere")]
    [InlineData("plain")]
    [InlineData("service")]
    public async Task Client_OfTheFactory_FollowsNoRedirect(string name)
    {
        var followed = 0;
        await using var service = await TestService.StartAsync(
            _identity, "chat-api",
            builder =>
            {
                builder.Services.AddHttpClient("plain");
                builder.AddServiceClient("service");
            },
            app =>
            {
                app.MapGet("/from", () => Results.Redirect("/to")).AllowAnonymous();
                app.MapGet("/to", () => Interlocked.Increment(ref followed)).AllowAnonymous();
            });
        using var client = service.Services.GetRequiredService<IHttpClientFactory>().CreateClient(name);

        using var response = await client.GetAsync(
            new Uri(service.Address, "/from"), TestContext.Current.CancellationToken);

        response.StatusCode.ShouldBe(HttpStatusCode.Found);
        followed.ShouldBe(0);
    }
}
