using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Lyceum.Doctor.Serving;

/// <summary>What a service knows of the installation: its own settings.</summary>
public static class ServiceSite
{
    private const string Gateway = "gateway";

    public static Site Of(IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(services);
        var configuration = services.GetRequiredService<IConfiguration>();
        var environment = services.GetRequiredService<IHostEnvironment>();
        var identity = services.GetRequiredService<IOptions<IdentityOptions>>().Value;
        var info = services.GetRequiredService<ServiceInfo>();
        var (databases, migrations) = (new Dictionary<string, string>(), new Dictionary<string, string>());
        foreach (var schema in services.GetServices<ExpectedSchema>())
        {
            if (configuration.GetConnectionString(schema.Database) is not { Length: > 0 } connection)
                continue;
            databases[schema.Database] = connection;
            if (schema.Migration is { } last)
                migrations[schema.Database] = last;
        }
        return new Site
        {
            Environment = environment.EnvironmentName,
            Databases = databases,
            Migrations = migrations,
            Broker = configuration.GetConnectionString(MessagingExtensions.ConnectionName) is { Length: > 0 } broker ? broker : null,
            // Who may read them differs between hosts (credentials of systemd, secrets of Kubernetes): that they fit is what counts here.
            Keys = identity.KeyFile.Length > 0 ? [new(info.Service, identity.KeyFile)] : [],
            JwksFile = identity.JwksFile.Length > 0 ? identity.JwksFile : null,
            DevelopmentTokenIsSet = configuration["Auth:DevTokenFile"] is { Length: > 0 },
            Listens = info.Service == Gateway
                ? [.. services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []] : [],
            Folders = configuration["Engine:Transcripts:Folder"] is { Length: > 0 } transcripts
                ? [environment.ContentRootPath, transcripts] : [environment.ContentRootPath],
        };
    }
}
