using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>HTTP clients for other services.</summary>
public static class ServiceClients
{
    /// <summary>
    /// No client of the factory follows a redirect: where a request goes is decided here, not by whoever answers. Nothing
    /// that we ask redirects.
    /// </summary>
    internal static void AddHttpClientDefaults(this IServiceCollection services) => services.ConfigureHttpClientDefaults(
        client => client.UseSocketsHttpHandler((handler, _) => handler.AllowAutoRedirect = false));

    /// <summary>
    /// A named client on its own connection pool, for requests to one replica's address (<see cref="ServiceAddresses"/>). Connecting is bounded by <see cref="AnswersOptions.Connect"/>; the rest of a call is the caller's to
    /// bound, who knows whether it streams. Nothing is retried: a repeated POST would generate twice.
    /// </summary>
    public static WebApplicationBuilder AddServiceClient(this WebApplicationBuilder builder, string service)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddHttpClient(service, client => client.Timeout = Timeout.InfiniteTimeSpan)
            // The pool below renews its connections itself; recycling handlers would only drop warm ones.
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            .UseSocketsHttpHandler((handler, services) =>
            {
                handler.ConnectTimeout = services.GetRequiredService<IOptions<AnswersOptions>>().Value.Connect;
                handler.PooledConnectionLifetime = TimeSpan.FromMinutes(2);
                handler.UseCookies = false;
                handler.KeepHeaderBytes();
            });
        return builder;
    }
}
