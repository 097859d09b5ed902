using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Closes a connection that brings no whole request within <c>Connections:FirstRequest</c> (15 s): Kestrel's own limit
/// begins with the first byte, and until then a connection is one that is kept alive between requests, for minutes.
/// </summary>
internal static class SilentConnections
{
    private const string Setting = "Connections:FirstRequest";
    private static readonly TimeSpan Default = TimeSpan.FromSeconds(15);
    private static readonly object Key = new();

    public static void CloseSilentConnections(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IStartupFilter, FirstOfAll>();
        builder.WebHost.ConfigureKestrel((context, kestrel) =>
        {
            var limit = context.Configuration.GetValue(Setting, Default);
            kestrel.Limits.RequestHeadersTimeout = limit;
            kestrel.ConfigureEndpointDefaults(listen => Watch(listen, limit));
        });
    }

    private static void Watch(ListenOptions listen, TimeSpan limit) => listen.Use(next => async connection =>
    {
        await using var timer = TimeProvider.System.CreateTimer(
            static silent => ((ConnectionContext)silent!).Abort(new ConnectionAbortedException("It brought no request.")),
            connection, limit, Timeout.InfiniteTimeSpan);
        connection.Items[Key] = timer;
        await next(connection);
    });

    /// <summary>Before any middleware, some of which answer by themselves.</summary>
    private sealed class FirstOfAll : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((HttpContext http, RequestDelegate rest) =>
            {
                if (http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(Key, out var timer) is true)
                    ((ITimer)timer!).Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                return rest(http);
            });
            next(app);
        };
    }
}
