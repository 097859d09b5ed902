using System.Security.Authentication;
using System.Text.Json;

namespace Lyceum.Doctor.Network;

/// <summary>The public address answers, and it is a Lyceum that does.</summary>
internal sealed class ReachCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.Reach;

    public override TimeSpan Limit => Way.Patience * 3;

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "a Lyceum that answers /health";
        HttpResponseMessage response;
        try
        {
            response = await AskAsync("/health", cancellationToken);
        }
        catch (HttpRequestException e)
        {
            var (what, fix) = e.HttpRequestError switch
            {
                HttpRequestError.NameResolutionError => ("its name does not resolve", "Make a DNS record of that name."),
                HttpRequestError.SecureConnectionError => ("TLS cannot be agreed on",
                    "See that this port speaks TLS 1.2 or 1.3, and has a certificate; http where TLS ends elsewhere."),
                _ when e.InnerException is AuthenticationException => ("TLS cannot be agreed on", "See that this port speaks TLS 1.2 or 1.3."),
                _ => ("no connection", "Start the gateway or the proxy before it; see its port, its listen address and the firewall."),
            };
            return Outcome.Fail($"{Way.Url}: {what}: {Reading.Innermost(e)}", expected, fix);
        }
        using (response)
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var text = await Reading.BeginningAsync(body, cancellationToken);
            var hop = Hop.Of(response.Headers, text);
            if ((int)response.StatusCode is >= 300 and < 400)
            {
                return Outcome.Fail(
                    $"{Way.Url} redirects to {response.Headers.Location}", "the address that people use",
                    "Give that address as --url, and to people.");
            }
            if (Reading.Problem(response, text) is { Code: { } code, Detail: var detail })
            {
                return Outcome.Fail($"{(int)response.StatusCode} {code}: {detail}", expected, code == "unknown_host"
                    ? $"Add {Way.Url.Host} to the setting AllowedHosts of the gateway." : "Do what the message says.");
            }
            if (Health(text) is not { } health)
            {
                return (int)response.StatusCode is 502 or 503 or 504
                    ? Outcome.Fail(
                        $"{hop?.Name ?? "a hop before the gateway"} answers {(int)response.StatusCode}: it cannot reach the gateway", expected,
                        "Start the gateway, and see the address that the proxy has of it.")
                    : Outcome.Fail(
                        $"{(int)response.StatusCode} by something else: {text[..Math.Min(80, text.Length)]}", expected,
                        "Let this address lead to the gateway.");
            }
            var via = hop is null ? "" : $", behind {hop.Name}";
            var saw = $"{Way.Url} answers{via}: {await VersionAsync(cancellationToken)}, {health.Status}";
            if (!response.IsSuccessStatusCode)
                return Outcome.Fail($"{saw}; not well: {health.Ill}", "status ok", "See /health with a token of scope ops, and the gateway's log.");
            return health.Ill.Length == 0
                ? Outcome.Ok(saw)
                : Outcome.Warn($"{saw}; not well: {health.Ill}", "status ok", "See /health with a token of scope ops, and those services' logs.");
        }
    }

    private Task<HttpResponseMessage> AskAsync(string path, CancellationToken cancellationToken) => Way.GetAsync(
        Way.Lenient, new Uri(Way.Url, path), cancellationToken);

    private async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await AskAsync("/version", cancellationToken);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            using var document = JsonDocument.Parse(await Reading.BeginningAsync(body, cancellationToken));
            return $"version {document.RootElement.GetProperty("version").GetString()}";
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return "version unknown";
        }
    }

    /// <returns>Null: not a health document. Else its status, and the names of what is not well.</returns>
    private static (string Status, string Ill)? Health(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var checks = document.RootElement.GetProperty("checks");
            var ill = checks.EnumerateObject()
                .Where(check => check.Value.GetProperty("status").GetString() is not "ok")
                .Select(check => $"{check.Name} ({check.Value.GetProperty("status").GetString()})");
            return (document.RootElement.GetProperty("status").GetString() ?? "", string.Join(", ", ill));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
