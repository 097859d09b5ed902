using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Identity for a service (docs/adr/0005): every request carries a token the gateway or another service minted, and
/// what names no policy still needs one. Only health, liveness and version are open.
/// </summary>
public static class IdentityAuthentication
{
    /// <summary>Policy of <c>/metrics</c>: this machine itself, scope <c>ops</c>, or <see cref="MetricsToken"/>.</summary>
    internal const string LoopbackOrOps = "ops (or loopback)";

    /// <summary>Policy of routes between services.</summary>
    internal const string ServiceOnly = "service";

    /// <summary>The same, but a ticket of the route's path will do as well.</summary>
    internal const string ServiceOrTicket = "service (or ticket)";

    internal static void AddIdentity(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<IdentityOptions>().BindConfiguration(IdentityOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<IdentityOptions>, IdentityValidator>();
        services.AddSingleton<IdentityKeys>();
        services.AddSingleton<IdentityVerifier>();
        services.AddSingleton(provider => new IdentityTokens(
            provider.GetRequiredService<IdentityKeys>(), provider.GetRequiredService<ServiceInfo>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new Tickets(
            provider.GetRequiredService<IdentityKeys>(), provider.GetRequiredService<IdentityVerifier>(),
            provider.GetRequiredService<ServiceInfo>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new UserTokens(
            provider.GetRequiredService<IdentityKeys>(), provider.GetRequiredService<IdentityVerifier>(),
            provider.GetRequiredService<ServiceInfo>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new SignedNotes(
            provider.GetRequiredService<IdentityKeys>(), provider.GetRequiredService<IdentityVerifier>(),
            provider.GetRequiredService<ServiceInfo>(), provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<IdentityCheck>();
        services.AddSingleton<MetricsToken>();

        services.AddAuthentication(IdentityVerifier.Scheme)
            .AddScheme<AuthenticationSchemeOptions, IdentityHandler>(IdentityVerifier.Scheme, null)
            .AddScheme<AuthenticationSchemeOptions, Tickets.TicketHandler>(Tickets.Scheme, null);
        services.AddAuthorization(options =>
        {
            options.FallbackPolicy = options.DefaultPolicy;
            foreach (var scope in Scopes.All)
                options.AddPolicy(scope, policy => policy.RequireAuthenticatedUser().RequireAssertion(context => Has(context.User, scope)));
            // By its scheme: the gateway's own for callers accepts no identity tokens.
            options.AddPolicy(ServiceOnly, policy => policy.AddAuthenticationSchemes(IdentityVerifier.Scheme)
                .RequireAuthenticatedUser().RequireAssertion(context => IsService(context.User)));
            options.AddPolicy(ServiceOrTicket, policy => policy.RequireAuthenticatedUser().RequireAssertion(
                context => IsService(context.User) || context.User.Identity?.AuthenticationType == Tickets.Scheme));
            options.AddPolicy(LoopbackOrOps, policy => policy.RequireAssertion(
                context => context.Resource is HttpContext http
                    && (IsOperator(http) || http.RequestServices.GetRequiredService<MetricsToken>().IsShownBy(http.Request))));
        });
    }

    /// <summary>Who may know how it looks inside: this machine itself, or scope <c>ops</c>.</summary>
    internal static bool IsOperator(HttpContext http) => Has(http.User, Scopes.Ops) || IsDirectLoopback(http);

    private static bool Has(ClaimsPrincipal user, string scope) =>
        user.Identity is CallerIdentity identity && identity.Caller.May(scope);

    private static bool IsService(ClaimsPrincipal user) =>
        user.Identity is CallerIdentity { Caller.Kind: CallerKind.Service };

    // The last one is what the middleware for forwarded headers leaves.
    private static readonly string[] ForwardingHeaders = ["X-Forwarded-For", "Forwarded", "X-Original-For"];

    /// <summary>A reverse proxy on this machine is loopback too; it says so by a forwarding header.</summary>
    private static bool IsDirectLoopback(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
            && !ForwardingHeaders.Any(http.Request.Headers.ContainsKey);

    private sealed class IdentityHandler(
        IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IdentityVerifier verifier)
        : ProblemAuthenticationHandler(options, loggers, encoder)
    {
        protected override ValueTask<(ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(string token) =>
            verifier.VerifyAsync(token);
    }
}
