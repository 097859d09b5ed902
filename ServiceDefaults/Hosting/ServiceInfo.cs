using System.Globalization;
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
/// This process among the replicas: <c>Service:Instance</c> (AppHost names the resource), else <c>OTEL_SERVICE_NAME</c>, else the service.
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
            : configuration["OTEL_SERVICE_NAME"] is { Length: > 0 } resource ? resource : service;

        var assembly = Assembly.GetEntryAssembly() ?? typeof(ServiceInfo).Assembly;
        var informational = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        var parts = (informational ?? "0.0.0").Split('+', 2);
        return new ServiceInfo(
            service, instance, parts[0], parts.Length > 1 ? parts[1] : "unknown",
            File.GetLastWriteTimeUtc(assembly.Location));
    }

    /// <summary>The document <c>/version</c> answers.</summary>
    internal VersionDocument Document =>
        new(Service, Version, GitSha, BuildTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));

    /// <param name="BuildTime">UTC.</param>
    internal sealed record VersionDocument(string Service, string Version, string GitSha, string BuildTime);
}
