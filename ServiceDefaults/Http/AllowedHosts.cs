using System.Net;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Answers only requests that name this server. A web page whose name was made to resolve to a loopback or local address (DNS
/// rebinding) names itself in <c>Host</c>, and would else read what is open to this machine. Known are: loopback addresses
/// and the address that the connection came to; <c>localhost</c>, this machine, the service, and what it listens on and is
/// configured to be reached at; and the names of the setting <c>AllowedHosts</c>, as ASP.NET Core writes them
/// (<c>lyceum.example;*.example.org</c>, <c>*</c> for any).
/// </summary>
internal sealed class AllowedHosts(
    IConfiguration configuration, ServiceInfo service, IServer server) : IStartupFilter
{
    // Settings whose values are addresses of this very process.
    private static readonly string[] OwnAddresses = ["Engine:PublicUrl", "Engine:InstanceUrl"];

    // At the first request: then the server listens.
    private readonly Lazy<Known> _known = new(() => Read(configuration, service, server));

    private sealed record Known(HashSet<string> Names, IReadOnlyList<string> Suffixes, bool Any);

    /// <summary>Before all else: a proxy's <c>X-Forwarded-Host</c>, which a page could send too, changes nothing here.</summary>
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((http, rest) => IsAllowed(http) ? rest(http) : RejectAsync(http));
        next(app);
    };

    private bool IsAllowed(HttpContext http)
    {
        var host = http.Request.Host.Host.TrimEnd('.');
        if (host.Length == 0)
            return true; // no browser's
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IsOwn(address, http.Connection.LocalIpAddress))
            return true;
        var known = _known.Value;
        return known.Any || known.Names.Contains(host)
            || known.Suffixes.Any(suffix => host.EndsWith(suffix, StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsOwn(IPAddress address, IPAddress? local) =>
        IPAddress.IsLoopback(address) || (local is not null && Plain(address).Equals(Plain(local)));

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static Known Read(IConfiguration configuration, ServiceInfo service, IServer server)
    {
        var listening = (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
            .Select(address => BindingAddress.Parse(address).Host);
        var own = OwnAddresses.Select(setting => configuration[setting])
            .Select(url => Uri.TryCreate(url, UriKind.Absolute, out var known) ? known.Host : "");
        var allowed = (configuration["AllowedHosts"] ?? "")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var names = listening.Concat(own).Concat(allowed)
            .Concat(["localhost", Dns.GetHostName(), service.Service, service.Instance])
            .Where(name => name.Length > 0 && !name.Contains('*') && name is not "+");
        return new(
            names.ToHashSet(StringComparer.OrdinalIgnoreCase),
            [".localhost", .. allowed.Where(name => name.StartsWith("*.", StringComparison.Ordinal)).Select(name => name[1..])],
            allowed.Contains("*"));
    }

    private static Task RejectAsync(HttpContext http) => Problems.BadRequest(
        $"This server is not called {http.Request.Host.Host}. If it is, add the name to the setting AllowedHosts.",
        ErrorCodes.UnknownHost).ExecuteAsync(http);
}

internal static class AllowedHostsRegistration
{
    public static void AddAllowedHosts(this WebApplicationBuilder builder)
    {
        builder.Services.AddTransient<IStartupFilter, AllowedHosts>();
        // ASP.NET Core's own filter reads the same setting, and knows no names beside it.
        builder.Services.PostConfigure<HostFilteringOptions>(options => options.AllowedHosts = ["*"]);
    }
}
