using System.Diagnostics.Metrics;
using System.Net.Security;
using System.Security.Authentication;
using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Lyceum.Gateway.Tls;

/// <summary>The certificate in force. Each handshake takes the current one; open connections keep theirs.</summary>
internal sealed partial class TlsCertificates
{
    private readonly SettingsMonitor _settings;
    private readonly ServerCertificate? _development;
    private readonly ILogger<TlsCertificates> _logger;

    // Written by the settings monitor's loop only, and at start; read by every handshake.
    private volatile InForce _current;

    private sealed record InForce(ServerCertificate Certificate, SslProtocols Protocols);

    /// <param name="development">Used if the settings name none.</param>
    public TlsCertificates(SettingsMonitor settings, ServerCertificate? development, TimeProvider time, IMeterFactory meters, ILogger<TlsCertificates> logger)
    {
        (_settings, _development, _logger) = (settings, development, logger);
        settings.Changed += Follow;
        var loaded = settings.Get<LoadedTls>();
        _current = new InForce(loaded.Certificate ?? development!, loaded.Protocols);
        LogInForce();
        meters.Create("Lyceum.Gateway").CreateObservableGauge(
            "lyceum.gateway.tls.remaining", () => (_current.Certificate.Leaf.NotAfter - time.GetLocalNow().DateTime).TotalSeconds, "s",
            "Until the certificate in force expires.");
    }

    /// <summary>For every https address.</summary>
    public void Configure(HttpsConnectionAdapterOptions https)
    {
        // Tells Kestrel that there is a certificate; OnAuthenticate sets the one that is sent.
        https.ServerCertificateSelector = (_, _) => _current.Certificate.Leaf;
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
        var loaded = _settings.Get<LoadedTls>();
        var next = new InForce(loaded.Certificate ?? _development ?? _current.Certificate, loaded.Protocols);
        if (loaded.Certificate is null && _development is null)
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

    [LoggerMessage(LogLevel.Information,
        "Certificate loaded: {Subject}, expires {NotAfter:u}, thumbprint {Thumbprint}")]
    private partial void LogCertificate(string subject, DateTime notAfter, string thumbprint);

    [LoggerMessage(LogLevel.Warning,
        "Certificate kept until the next start: tls.certificate_file was removed from the configuration")]
    private partial void LogKept();
}
