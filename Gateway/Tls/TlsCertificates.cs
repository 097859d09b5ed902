using System.Diagnostics.Metrics;
using System.Net.Security;
using System.Security.Authentication;
using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Lyceum.Gateway.Tls;

/// <summary>The certificate in force; each handshake takes the one of its moment, and connections that stand are left alone.</summary>
internal sealed partial class TlsCertificates
{
    private readonly SettingsMonitor _settings;
    private readonly ServerCertificate? _development;
    private readonly ILogger<TlsCertificates> _logger;

    // Written by the settings' loop alone (and before it); read by every handshake.
    private volatile InForce _current;

    private sealed record InForce(ServerCertificate Certificate, SslProtocols Protocols);

    /// <param name="development">Shown where the settings name none.</param>
    public TlsCertificates(SettingsMonitor settings, ServerCertificate? development, TimeProvider time, IMeterFactory meters, ILogger<TlsCertificates> logger)
    {
        (_settings, _development, _logger) = (settings, development, logger);
        settings.Changed += Follow;
        _current = new InForce(settings.Loaded.Certificate ?? development!, settings.Current.Tls.Protocols);
        LogInForce();
        meters.Create("Lyceum.Gateway").CreateObservableGauge(
            "lyceum.gateway.tls.remaining", () => (_current.Certificate.Leaf.NotAfter - time.GetLocalNow().DateTime).TotalSeconds, "s",
            "Until the certificate in force expires.");
    }

    /// <summary>For every https address.</summary>
    public void Configure(HttpsConnectionAdapterOptions https)
    {
        https.ServerCertificateSelector = (_, _) => _current.Certificate.Leaf; // that there is one; what is shown is below
        https.OnAuthenticate = Authenticate;
    }

    private void Authenticate(ConnectionContext connection, SslServerAuthenticationOptions options)
    {
        var current = _current;
        options.ServerCertificateSelectionCallback = null;
        options.ServerCertificateContext = current.Certificate.Context; // with its chain, and the cache for resumed sessions
        options.EnabledSslProtocols = current.Protocols;
    }

    private void Follow()
    {
        var next = new InForce(_settings.Loaded.Certificate ?? _development ?? _current.Certificate, _settings.Current.Tls.Protocols);
        if (_settings.Loaded.Certificate is null && _development is null)
            LogKept();
        var changed = !next.Certificate.Leaf.RawDataMemory.Span.SequenceEqual(_current.Certificate.Leaf.RawDataMemory.Span);
        _current = next;
        if (changed)
            LogInForce();
    }

    private void LogInForce()
    {
        var leaf = _current.Certificate.Leaf;
        LogCertificate(leaf.Subject, leaf.NotAfter.ToUniversalTime(), leaf.Thumbprint);
    }

    [LoggerMessage(LogLevel.Information, "certificate in force: {Subject}, until {NotAfter:u}, {Thumbprint}")]
    private partial void LogCertificate(string subject, DateTime notAfter, string thumbprint);

    [LoggerMessage(LogLevel.Warning, "tls.certificate_file is gone from the configuration; the last certificate stays in force until the next start")]
    private partial void LogKept();
}
