using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Lyceum.Doctor.Network;

/// <summary>The address that a live session's client is given can be reached from here, and a page may use it.</summary>
internal sealed class EngineUrlCheck(Way way) : NetworkCheck(way)
{
    private const string Path = "/api/ops/engines";
    private const string Setting = "Engine:PublicUrl (WEBSOCKET_URL)";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public override string Id => Ids.EngineUrl;

    /// <summary>Where sockets do not pass, or the gateway does not know its address, the cause is told there.</summary>
    public override IReadOnlyList<string> Needs => [Ids.Token, Ids.Forwarded, Ids.Socket];

    public override TimeSpan Limit => Way.Patience * 4;

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        using var response = await Way.GetAsync(
            Way.Client, new Uri(Way.Url, Path), cancellationToken, ("Authorization", $"Bearer {Way.Token}"));
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var text = await Reading.BeginningAsync(body, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            var (code, detail) = Reading.Problem(response, text);
            return Outcome.Skipped(
                $"the directory of engines does not answer: {(int)response.StatusCode} {code} {detail}", "session-api that answers");
        }
        var engines = JsonSerializer.Deserialize<EngineList>(text, Json)?.Engines ?? [];
        var asked = engines.Where(engine => !engine.Draining).ToList();
        if (asked.Count == 0)
            return Outcome.Skipped("no engine has announced itself", "one that has: see its log, and its Engine:AnnounceTo");

        var outcomes = await Task.WhenAll(asked.Select(engine => LookAsync(engine, cancellationToken)));
        return outcomes.FirstOrDefault(outcome => outcome.Verdict == Verdict.Fail)
            ?? outcomes.FirstOrDefault(outcome => outcome.Verdict == Verdict.Warn)
            ?? Outcome.Ok(string.Join("; ", outcomes.Select(outcome => outcome.Saw)));
    }

    private async Task<Outcome> LookAsync(Engine engine, CancellationToken cancellationToken)
    {
        const string expected = "an address that clients reach, wss where the page is https";
        if (engine.Code == "public_url_not_configured")
            return Outcome.Fail($"{engine.Id}: {engine.Detail}", expected, $"Set {Setting} of {engine.Id} to an address that clients reach.");
        if (!Uri.TryCreate(engine.EngineUrl, UriKind.Absolute, out var url) || url.Scheme is not ("ws" or "wss"))
        {
            return engine.Code == "engine_unavailable"
                ? Outcome.Fail(engine.Detail ?? engine.Id, "an engine that answers", "Start it, and see its Engine:InstanceUrl and its log.")
                : Outcome.Fail(
                    $"{engine.Id} says no address: {engine.EngineUrl}{engine.Code} {engine.Detail}", expected, "Upgrade it: docs/upgrade.md.");
        }
        var at = url.GetLeftPart(UriPartial.Authority);
        if (url.IsLoopback && !Way.Url.IsLoopback)
        {
            return Outcome.Fail(
                $"{engine.Id}: clients are sent to {at}, which is their own machine", expected,
                $"Set {Setting} of {engine.Id} to an address that clients reach, or remove it: then they come through the gateway.");
        }
        if (url.Scheme == "ws" && Way.IsHttps)
        {
            return Outcome.Fail(
                $"{engine.Id}: clients are sent to {at}, and browsers refuse ws on a page of https", expected,
                $"Set {Setting} of {engine.Id} to a wss address, or remove it: then they come through the gateway.");
        }

        var page = new UriBuilder(url) { Scheme = url.Scheme == "wss" ? "https" : "http" }.Uri;
        try
        {
            using var response = await Way.GetAsync(Way.Client, page, cancellationToken);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            if (Reading.Problem(response, await Reading.BeginningAsync(body, cancellationToken)).Code is null)
            {
                return Outcome.Fail(
                    $"{engine.Id}: what answers at {at} is no engine ({(int)response.StatusCode})", expected,
                    $"Let {at}/ws/ lead to the engine, or set {Setting}.");
            }
        }
        catch (HttpRequestException e)
        {
            return Outcome.Fail(
                $"{engine.Id}: {at} cannot be reached from here: {Reading.Innermost(e)}", expected,
                $"Open it (DNS, firewall, certificate), or remove {Setting}: then clients come through the gateway.");
        }
        // There is no such session: an engine says so at the upgrade.
        var talk = await Way.HoldAsync(url, null, TimeSpan.Zero);
        if (talk.Status != HttpStatusCode.NotFound)
        {
            return Outcome.Fail(
                $"{engine.Id}: a WebSocket to {at} is answered {(int)talk.Status} ({talk.Detail})", "404, by the engine", SocketFix(null));
        }
        if (!Way.Url.IsLoopback && IsPrivate(url) && !IsPrivate(Way.Url))
        {
            return Outcome.Warn(
                $"{engine.Id}: clients are sent to {at}, an address of a private network", expected,
                $"Set {Setting} to a public address, unless all clients are in that network.");
        }
        return Outcome.Ok($"{engine.Id}: clients are sent to {at}, and it answers");
    }

    private static bool IsPrivate(Uri url)
    {
        if (!IPAddress.TryParse(url.Host.Trim('[', ']'), out var address))
            return false;
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return address.IsIPv6UniqueLocal || address.IsIPv6LinkLocal;
        var bytes = address.GetAddressBytes();
        return bytes is [10, ..] or [172, >= 16 and <= 31, ..] or [192, 168, ..] or [169, 254, ..] or [100, >= 64 and <= 127, ..];
    }

    private sealed record EngineList(IReadOnlyList<Engine> Engines);

    private sealed record Engine(string Id, bool Draining, string? EngineUrl, string? Code, string? Detail);
}
