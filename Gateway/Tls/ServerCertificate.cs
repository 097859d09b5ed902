using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Tls;

/// <summary>The section <c>tls</c> as it is used.</summary>
/// <param name="Certificate">Null: the section names none.</param>
internal sealed record LoadedTls(ServerCertificate? Certificate, SslProtocols Protocols)
{
    public static LoadedTls Load(TlsSettings settings, SettingsCheck check)
    {
        settings.Check("tls", check);
        return new(ServerCertificate.Load(settings, check), settings.Protocols);
    }
}

/// <summary>A certificate with its key and its chain, prepared once for all handshakes.</summary>
internal sealed class ServerCertificate
{
    private ServerCertificate(X509Certificate2 leaf, X509Certificate2Collection chain)
    {
        Leaf = leaf;
        // Offline: a handshake must not wait for a download of certificates or revocation lists.
        Context = SslStreamCertificateContext.Create(leaf, chain, offline: true);
    }

    public X509Certificate2 Leaf { get; }

    public SslStreamCertificateContext Context { get; }

    /// <summary>
    /// Reads the files that the settings name. Null if they name none, or with an error, such as another certificate's
    /// key.
    /// </summary>
    public static ServerCertificate? Load(TlsSettings settings, SettingsCheck check)
    {
        const string path = "tls.certificate_file";
        if (settings.CertificateFile is not { } file)
            return null;
        var certificate = check.Read(path, file);
        var key = settings.KeyFile is { } keyFile ? check.Read("tls.key_file", keyFile) : null;
        var password = settings.PasswordFile is { } passwordFile && check.Read("tls.password_file", passwordFile) is { } bytes
            ? Encoding.UTF8.GetString(bytes).TrimEnd('\r', '\n') : null;
        if (certificate is null || (settings.KeyFile is not null && key is null) || (settings.PasswordFile is not null && password is null))
            return null;
        try
        {
            return key is null ? FromPfx(certificate, password) : FromPem(Encoding.UTF8.GetString(certificate), Encoding.UTF8.GetString(key), password);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            check.Error(path, settings.KeyFile is null
                ? "is no PFX with a private key that the password opens; a PEM file needs key_file"
                : "and key_file are no certificate and its private key, in PEM");
            return null;
        }
    }

    /// <summary>The valid certificate that <c>dotnet dev-certs https</c> made for this user; null: none.</summary>
    public static ServerCertificate? Development(DateTimeOffset now)
    {
        const string marker = "1.3.6.1.4.1.311.84.1.1"; // the extension that names its purpose
        using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
        try
        {
            store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
        }
        catch (CryptographicException)
        {
            return null; // no store, no certificate
        }
        var found = store.Certificates
            .Where(one => one.HasPrivateKey && one.NotBefore <= now.LocalDateTime && now.LocalDateTime < one.NotAfter
                && one.Extensions.Any(extension => extension.Oid?.Value == marker))
            .MaxBy(one => one.NotAfter);
        return found is null ? null : new ServerCertificate(found, []);
    }

    private static ServerCertificate FromPem(string certificates, string key, string? password)
    {
        var leaf = password is null ? X509Certificate2.CreateFromPem(certificates, key) : X509Certificate2.CreateFromEncryptedPem(certificates, key, password);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificates);
        return new ServerCertificate(leaf, chain);
    }

    private static ServerCertificate FromPfx(byte[] pfx, string? password)
    {
        var all = X509CertificateLoader.LoadPkcs12Collection(pfx, password);
        var leaf = all.FirstOrDefault(one => one.HasPrivateKey) ?? throw new CryptographicException("no private key");
        return new ServerCertificate(leaf, all);
    }
}
