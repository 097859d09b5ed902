namespace Lyceum.Doctor.Network;

/// <summary>Nobody sends a password or a token readable: http leads to https.</summary>
internal sealed class PlainHttpCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.PlainHttp;

    public override IReadOnlyList<string> Needs => [Ids.Reach];

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "https, and http that leads there";
        if (!Way.IsHttps)
        {
            return Way.Url.IsLoopback
                ? Outcome.Skipped("http, on this machine alone", "an address that others use")
                : Outcome.Warn(
                    $"{Way.Url} is http: passwords and tokens can be read on the way", expected,
                    "Give the gateway a certificate (docs/tls.md), or a proxy before it.");
        }
        if (!Way.Url.IsDefaultPort)
            return Outcome.Skipped("the address has a port of its own", "the ports 80 and 443");
        var plain = new UriBuilder(Way.Url) { Scheme = Uri.UriSchemeHttp, Port = 80, Path = "/health" }.Uri;
        try
        {
            using var response = await Way.GetAsync(Way.Lenient, plain, cancellationToken);
            if ((int)response.StatusCode is >= 300 and < 400)
            {
                return response.Headers.Location is { IsAbsoluteUri: true, Scheme: "https" } to
                    ? Outcome.Ok($"{plain} leads to {to.GetLeftPart(UriPartial.Authority)}")
                    : Outcome.Warn($"{plain} leads to {response.Headers.Location}", expected, "Redirect it to https.");
            }
            return response.IsSuccessStatusCode
                ? Outcome.Warn(
                    $"{plain} answers without TLS", expected, "Redirect it to https (308), or close port 80.")
                : Outcome.Ok($"{plain} serves nothing ({(int)response.StatusCode})");
        }
        catch (HttpRequestException)
        {
            return Outcome.Ok("nothing answers on port 80");
        }
    }
}
