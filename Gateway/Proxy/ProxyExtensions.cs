using System.Net;
using Lyceum.EngineClient;
using Lyceum.Gateway.Edge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.ServiceDiscovery;
using Yarp.ReverseProxy.Transforms;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// YARP over the route table. Bodies stream both ways unbuffered; <c>X-Forwarded-*</c> are replaced, not appended to,
/// because the caller's are not trusted.
/// </summary>
internal static class ProxyExtensions
{
    public static void AddProxy(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        var answers = builder.Configuration.GetSection(AnswersOptions.Section).Get<AnswersOptions>() ?? new();
        services.AddSingleton<IProxyConfigProvider>(provider => ProxyConfig.Create(
            provider.GetRequiredService<EngineDirectory>(), provider.GetRequiredService<IOptions<AnswersOptions>>()));
        builder.AddEngineDirectory();
        services.AddSingleton<IPassiveHealthCheckPolicy, FirstFailure>();
        services.AddSingleton<ServerTiming>();
        services.AddReverseProxy()
            .ConfigureHttpClient((_, handler) =>
            {
                handler.ConnectTimeout = answers.Connect;
                handler.KeepHeaderBytes();
            })
            .AddTransforms(context =>
            {
                var timing = context.Services.GetRequiredService<ServerTiming>();
                context.AddXForwarded(ForwardedTransformActions.Set);
                context.RequestTransforms.Add(new CallerTransform(context.Services.GetRequiredService<IdentityTokens>()));
                context.AddResponseTransform(response =>
                {
                    if (response.ProxyResponse is not null)
                        timing.Answered(response.HttpContext);
                    return ValueTask.CompletedTask;
                });
            });
        services.AddSingleton<HostLookup>(Dns.GetHostAddressesAsync);
        services.AddSingleton<HostAddresses>();
        services.AddHostedService(provider => provider.GetRequiredService<HostAddresses>());
        services.AddSingleton<IDestinationResolver, ReplicaResolver>();
        services.AddHealthChecks().AddUpstreams();
    }

    public static void MapProxy(this WebApplication app) => app.MapReverseProxy(proxy =>
    {
        proxy.UseProxyProblems();
        proxy.UseDrainingEngines();
        proxy.UseSessionSockets();
        proxy.UseFailover();
        proxy.UseLoadBalancing();
        proxy.UsePassiveHealthChecks();
    }).ConfigureEndpoints((endpoint, config) =>
    {
        endpoint.WithMetadata(new DisableRequestTimeoutAttribute());
        // As metadata instead of YARP's own setting: it applies before authentication too.
        if (Routes.All.Single(route => route.Id == config.RouteId).MaxBody is { } bytes)
            endpoint.WithMetadata(new RequestSizeLimitAttribute(bytes));
    });
}
