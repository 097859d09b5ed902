using System.Diagnostics.Metrics;
using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lyceum.Gateway.Tls;

/// <summary>
/// HTTPS with the certificate that the settings name: HTTP/1.1 and HTTP/2, negotiated in the handshake. Addresses come
/// from <c>ASPNETCORE_URLS</c> and, in addition, <c>Tls:Listen</c>. Plain addresses have HTTP/1.1 only.
/// </summary>
internal static class TlsSetup
{
    /// <summary>Further addresses, separated by semicolons: <c>https://localhost:8443</c>.</summary>
    private const string Listen = "Tls:Listen";
    private const string Urls = "urls";

    /// <summary>The section of the configuration file; <see cref="UseTls"/> does the rest when it was read.</summary>
    public static void AddTls(this WebApplicationBuilder builder) =>
        builder.Services.AddSettingsSection<TlsSettings, LoadedTls>("tls", LoadedTls.Load);

    /// <exception cref="SettingsException">
    /// There is an https address and no certificate for it. In Development that address is left out instead.
    /// </exception>
    public static void UseTls(this WebApplicationBuilder builder, LoadedSettings settings)
    {
        var urls = Addresses(builder.Configuration);
        if (urls.Find(IsHttps) is not { } https)
            return;

        ServerCertificate? development = null;
        if (settings.Get<LoadedTls>().Certificate is null)
        {
            if (!builder.Environment.IsDevelopment())
                throw new SettingsException("the configuration", [$"tls.certificate_file: required, because the gateway listens on {https}"]);
            development = ServerCertificate.Development(TimeProvider.System.GetUtcNow());
            if (development is null)
            {
                urls.RemoveAll(IsHttps);
                Console.Error.WriteLine(
                    $"{https} is left out: no tls.certificate_file, no development certificate (dotnet dev-certs https)");
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
        // Named addresses replace the default ones, so these are added.
        if (urls.Count == 0 && further.Count > 0)
            urls = [.. Split(configuration["http_ports"]).Select(port => $"http://*:{port}").DefaultIfEmpty("http://localhost:5000")];
        return [.. urls, .. further];
    }

    private static List<string> Split(string? list) =>
        [.. (list ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static bool IsHttps(string url) => url.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
}
