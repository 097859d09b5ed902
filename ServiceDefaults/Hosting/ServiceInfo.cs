using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Lyceum.ServiceDefaults.Hosting;

/// <summary>What runs here.</summary>
/// <param name="Service">
/// The service's name, the same for all its replicas: <c>Service:Name</c>, else the assembly's name in kebab-case
/// (<c>ChatApi</c> is <c>chat-api</c>). Identity keys and discovery use it.
/// </param>
/// <param name="Instance">
/// This process among the replicas: <c>Service:Instance</c> (AppHost names the resource); in a container else its host's name, which each
/// replica has its own of, while they may share their environment; else <c>OTEL_SERVICE_NAME</c>, else the service.
/// </param>
/// <param name="Version">Semantic version.</param>
/// <param name="GitSha">Commit it was built from, or <c>unknown</c>.</param>
/// <param name="BuildTime">When the entry assembly was written, UTC.</param>
public sealed record ServiceInfo(
    string Service, string Instance, string Version, string GitSha, DateTime BuildTime)
{
    internal static ServiceInfo From(IConfiguration configuration, IHostEnvironment environment)
    {
        var service = configuration["Service:Name"] is { Length: > 0 } name
            ? name
            : JsonNamingPolicy.KebabCaseLower.ConvertName(environment.ApplicationName);
        var instance = configuration["Service:Instance"] is { Length: > 0 } replica ? replica
            : configuration["DOTNET_RUNNING_IN_CONTAINER"] is "true" ? HostName() // set by Microsoft's images
            : configuration["OTEL_SERVICE_NAME"] is { Length: > 0 } resource ? resource : service;

        var assembly = Assembly.GetEntryAssembly() ?? typeof(ServiceInfo).Assembly;
        var informational = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        var parts = (informational ?? "0.0.0").Split('+', 2);
        return new ServiceInfo(
            service, instance, parts[0], parts.Length > 1 ? parts[1] : "unknown",
            File.GetLastWriteTimeUtc(assembly.Location));
    }

    // Also the prefix of an engine's sessions, so as plain as a host's name must be: no domain, no capitals.
    private static string HostName() => Dns.GetHostName().Split('.')[0].ToLowerInvariant();

    /// <summary>The document <c>/version</c> answers.</summary>
    internal VersionDocument Document =>
        new(Service, Version, GitSha, BuildTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));

    /// <param name="BuildTime">UTC.</param>
    internal sealed record VersionDocument(string Service, string Version, string GitSha, string BuildTime);
}
