using System.Diagnostics.Metrics;
using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lyceum.Gateway.Tls;

/// <summary>
/// HTTPS with the certificate that the settings name: HTTP/1.1 and HTTP/2, agreed on in the handshake. Where to listen is said as
/// everywhere (<c>ASPNETCORE_URLS</c>), and by <c>Tls:Listen</c> in addition. Plain addresses speak HTTP/1.1 alone.
/// </summary>
internal static class TlsSetup
{
    /// <summary>Further addresses, separated by semicolons: <c>https://localhost:8443</c>.</summary>
    private const string Listen = "Tls:Listen";
    private const string Urls = "urls";

    /// <param name="builder">After the settings were added.</param>
    /// <param name="settings">What was read of the configuration file.</param>
    /// <exception cref="SettingsException">There is an https address, and nothing to show there; in Development that address is left out.</exception>
    public static void AddTls(this WebApplicationBuilder builder, GatewaySettings settings)
    {
        var urls = Addresses(builder.Configuration);
        if (urls.Find(IsHttps) is not { } https)
            return;

        ServerCertificate? development = null;
        if (settings.Tls.CertificateFile is null)
        {
            if (!builder.Environment.IsDevelopment())
                throw new SettingsException("the configuration", [$"tls.certificate_file: required, because the gateway listens on {https}"]);
            development = ServerCertificate.Development(TimeProvider.System.GetUtcNow());
            if (development is null)
            {
                urls.RemoveAll(IsHttps);
                Console.Error.WriteLine($"{https} is left out: there is no tls.certificate_file, and no development certificate (dotnet dev-certs https)");
            }
        }

        builder.WebHost.UseUrls([.. urls]);
        if (!urls.Exists(IsHttps))
            return;
        builder.Services.AddSingleton(services => new TlsCertificates(
            services.GetRequiredService<SettingsMonitor>(), development, services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<IMeterFactory>(), services.GetRequiredService<ILogger<TlsCertificates>>()));
        builder.Services.AddOptions<KestrelServerOptions>()
            .Configure<TlsCertificates>((kestrel, certificates) => kestrel.ConfigureHttpsDefaults(certificates.Configure));
    }

    private static List<string> Addresses(ConfigurationManager configuration)
    {
        var urls = Split(configuration[Urls]);
        var further = Split(configuration[Listen]);
        // Addresses that are named replace the default ones: they are named as well then.
        if (urls.Count == 0 && further.Count > 0)
            urls = [.. Split(configuration["http_ports"]).Select(port => $"http://*:{port}").DefaultIfEmpty("http://localhost:5000")];
        return [.. urls, .. further];
    }

    private static List<string> Split(string? list) =>
        [.. (list ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static bool IsHttps(string url) => url.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
}
