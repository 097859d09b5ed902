using System.Net;

namespace Lyceum.Doctor.Network;

/// <summary>The gateway knows by which address it is used: sign-in by cookie and addresses of sessions follow from it.</summary>
internal sealed class ForwardedCheck(Way way) : NetworkCheck(way)
{
    /// <summary>For documentation (RFC 5737): nobody's.</summary>
    private const string NobodysAddress = "192.0.2.77";

    public override string Id => Ids.Forwarded;

    public override IReadOnlyList<string> Needs => [Ids.Token];

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var facts = Way.Facts!;
        var (own, told) = ($"{Way.Url.Scheme}://{Way.Url.Authority}", $"{facts.Scheme}://{facts.Host}");
        if (!string.Equals(own, told, StringComparison.OrdinalIgnoreCase))
        {
            return Outcome.Fail(
                $"the gateway takes the address for {told}", own,
                $"Let the proxy send X-Forwarded-Proto: {Way.Url.Scheme} and X-Forwarded-Host: {Way.Url.Authority}, and name its address in "
                + "Gateway:TrustedProxies where it is not on the gateway's machine.");
        }
        if (Way.Url.IsLoopback || !IPAddress.TryParse(facts.Address, out var address) || IPAddress.IsLoopback(address))
            return Outcome.Ok($"the gateway knows its address, {own}");

        using var response = await Way.GetAsync(
            Way.Client, new Uri(Way.Url, "/api/ops/trickle"), cancellationToken,
            ("Authorization", $"Bearer {Way.Token}"), ("X-Forwarded-For", NobodysAddress));
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var text = await Reading.BeginningAsync(body, cancellationToken);
        return text.Contains($"\"{NobodysAddress}\"", StringComparison.Ordinal)
            ? Outcome.Warn(
                "the gateway believes whatever address a caller claims (X-Forwarded-For): limits for addresses do not hold",
                "the caller's own address",
                "Let the proxy set X-Forwarded-For instead of passing on what came, and let Gateway:TrustedProxies name proxies alone.")
            : Outcome.Ok($"the gateway knows its address, {own}, and its callers' ({facts.Address})");
    }
}
