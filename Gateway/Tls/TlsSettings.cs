using System.Security.Authentication;
using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Tls;

/// <summary>The certificate of the <c>https</c> addresses (section <c>tls</c>, docs/tls.md). Its files are watched.</summary>
internal sealed record TlsSettings
{
    /// <summary>PEM with the certificate and its chain; or, without <see cref="KeyFile"/>, PFX.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM with the private key.</summary>
    public string? KeyFile { get; init; }

    /// <summary>File with the password of the key or PFX; null: it has none.</summary>
    public string? PasswordFile { get; init; }

    /// <summary><c>1.2</c> or <c>1.3</c>.</summary>
    public string MinVersion { get; init; } = "1.2";

    /// <summary>Offered to new connections.</summary>
    public SslProtocols Protocols => MinVersion == "1.3" ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13;

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(CertificateFile is null && (KeyFile ?? PasswordFile) is not null,
            $"{path}.certificate_file", "required with key_file or password_file");
        check.ErrorIf(MinVersion is not ("1.2" or "1.3"), $"{path}.min_version", "must be \"1.2\" or \"1.3\"");
    }
}
