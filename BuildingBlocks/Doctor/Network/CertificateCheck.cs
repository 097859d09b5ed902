using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Lyceum.Doctor.Network;

/// <summary>The certificate is of this name, by somebody who is trusted here, and lasts.</summary>
internal sealed class CertificateCheck(Way way, TimeProvider time) : NetworkCheck(way)
{
    private const int DaysBefore = 21;

    public override string Id => Ids.Certificate;

    public override IReadOnlyList<string> Needs => [Ids.Reach];

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        if (!Way.IsHttps)
            return Outcome.Skipped("no certificate: the address is http", "an https address");
        X509Certificate2? certificate = null;
        X509Certificate2Collection sent = [];
        var wrongName = false;
        await using var tls = new SslStream(await Way.ConnectAsync(new DnsEndPoint(Way.Url.IdnHost, Way.Url.Port), cancellationToken));
        try
        {
#pragma warning disable CA5359 // what is wrong with it is told below, and nothing is sent
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = Way.Url.IdnHost,
                RemoteCertificateValidationCallback = (_, given, chain, errors) =>
                {
                    certificate = given is null ? null : X509CertificateLoader.LoadCertificate(given.GetRawCertData());
                    foreach (var element in chain?.ChainPolicy.ExtraStore ?? [])
                        sent.Add(X509CertificateLoader.LoadCertificate(element.RawData));
                    wrongName = errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch);
                    return true;
                },
            }, cancellationToken);
#pragma warning restore CA5359
        }
        catch (AuthenticationException e)
        {
            return Outcome.Fail($"TLS cannot be agreed on: {Reading.Innermost(e)}", "TLS 1.2 or 1.3", "See the proxy's TLS settings, or docs/tls.md.");
        }
        if (certificate is null)
            return Outcome.Fail("the server has no certificate", "one of this name", "Give it one: docs/tls.md.");

        using (certificate)
        {
            var left = certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime;
            const string renew =
                "Renew it, and see why that does not happen by itself: docs/tls.md. The gateway takes new files without a restart.";
            if (left <= TimeSpan.Zero)
                return Outcome.Fail($"the certificate expired {-left.TotalDays:0.#} days ago", $"{DaysBefore} days left", renew);
            if (certificate.NotBefore.ToUniversalTime() > time.GetUtcNow().UtcDateTime)
                return Outcome.Fail($"the certificate holds from {certificate.NotBefore:u} on", "one that holds now", "See the clocks, or wait.");
            if (wrongName)
            {
                return Outcome.Fail(
                    $"the certificate is of {certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false)}, not of {Way.Url.Host}",
                    $"a certificate of {Way.Url.Host}", "Have one made with that name, or use the name that it has.");
            }
            if (Way.Distrust(certificate, sent).ToList() is [var first, ..])
            {
                return Outcome.Fail(
                    $"nobody trusts the certificate: {first.StatusInformation.Trim()}", "one by an authority that clients trust",
                    first.Status == X509ChainStatusFlags.PartialChain
                        ? "Send the intermediate certificates too: the file has the certificate first, then its chain."
                        : "Use one by an authority that clients trust; for your own authority, give its certificate to every client, and by "
                            + "SSL_CERT_FILE to this one.");
            }
            var saw = $"the certificate of {Way.Url.Host} has {left.TotalDays:0} days left";
            return left < TimeSpan.FromDays(DaysBefore) ? Outcome.Warn(saw, $"{DaysBefore} days or more", renew) : Outcome.Ok(saw);
        }
    }
}
