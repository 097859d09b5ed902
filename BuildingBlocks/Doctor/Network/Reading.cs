using System.Diagnostics;
using System.Net;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;

namespace Lyceum.Doctor.Network;

/// <summary>What the first event of a trickle says of the service and of the request.</summary>
internal sealed record Facts(
    string Service, string Version, double AnswerSeconds, double PingSeconds, double LongestSeconds, string Scheme, string Host,
    string Address);

/// <summary>One part of a trickle.</summary>
/// <param name="Sent">Milliseconds from the request's arrival to the sending, by the service's clock.</param>
/// <param name="Came">Milliseconds from the sending of the request to the arrival, by the clock here.</param>
internal sealed record Part(double Sent, double Came);

/// <summary>How one request for a trickle went.</summary>
/// <param name="Status">Null: no response came.</param>
/// <param name="Code">Of a problem document, so of Lyceum's own; null: no such document.</param>
/// <param name="Detail">What the problem document, the connection's error or the body says.</param>
/// <param name="Hop">Who stands on the way, by the response's headers; null: nobody shows.</param>
/// <param name="IsWhole">Its end came.</param>
/// <param name="After">From the sending of the request to the end, or to the break.</param>
internal sealed record Reading(
    HttpStatusCode? Status, string? Code, string Detail, Hop? Hop, Facts? Facts, IReadOnlyList<Part> Parts, bool IsWhole, TimeSpan After)
{
    public const int MaxBody = 64 * 1024; // bytes of an answer that is no stream

    /// <summary>More than any trial asks for.</summary>
    private const int MaxParts = 10_000;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>
    /// It began or was waited for, and did not end: somebody on the way ended it. Lyceum's own refusals, which come as problem
    /// documents, are none.
    /// </summary>
    public bool IsCut => !IsWhole && Code is null && After > TimeSpan.FromSeconds(0.5);

    /// <summary>The gateway's own bound.</summary>
    public bool IsTimedOutByGateway => Status == HttpStatusCode.GatewayTimeout && Code is not null;

    public string Seconds => $"{After.TotalSeconds:0.0} s";

    /// <summary>Never throws but for its own cancellation.</summary>
    public static async Task<Reading> ReadAsync(HttpClient client, Uri url, string? token, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        var parts = new List<Part>();
        HttpStatusCode? status = null;
        Hop? hop = null;
        Facts? facts = null;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url)
            {
                Version = client.DefaultRequestVersion, VersionPolicy = client.DefaultVersionPolicy,
            };
            request.Headers.Accept.ParseAdd("text/event-stream");
            if (token is not null)
                request.Headers.Authorization = new("Bearer", token);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            status = response.StatusCode;
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            if (!response.IsSuccessStatusCode || response.Content.Headers.ContentType?.MediaType is not "text/event-stream")
            {
                var text = await BeginningAsync(body, cancellationToken);
                var (code, detail) = Problem(response, text);
                return new(status, code, detail, Hop.Of(response.Headers, code is null ? text : ""), null, parts, false, Elapsed());
            }
            hop = Hop.Of(response.Headers, "");
            await foreach (var item in SseParser.Create(body).EnumerateAsync(cancellationToken))
            {
                var part = JsonSerializer.Deserialize<WirePart>(item.Data, Json);
                parts.Add(new(part?.Ms ?? 0, Elapsed().TotalMilliseconds));
                facts ??= part?.Facts;
                if (parts.Count > MaxParts)
                    throw new IOException("more parts than were asked for");
                if (item.EventType == "end")
                    return new(status, null, "", hop, facts, parts, true, Elapsed());
            }
            return new(status, null, "the stream ended before its end", hop, facts, parts, false, Elapsed());
        }
        catch (Exception e) when (
            e is HttpRequestException or IOException or JsonException or FormatException or InvalidOperationException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new(status, null, Innermost(e), hop, facts, parts, false, Elapsed());
        }

        TimeSpan Elapsed() => Stopwatch.GetElapsedTime(began);
    }

    /// <summary>The code and the detail of a problem document; else null, and the beginning of what was said.</summary>
    public static (string? Code, string Detail) Problem(HttpResponseMessage response, string text)
    {
        if (response.Content.Headers.ContentType?.MediaType is "application/problem+json")
        {
            try
            {
                using var problem = JsonDocument.Parse(text);
                return (Text("code"), Text("detail") ?? "");

                string? Text(string name) => problem.RootElement.TryGetProperty(name, out var member) ? member.GetString() : null;
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                // Somebody else's.
            }
        }
        return (null, text.Length > 120 ? text[..120] : text);
    }

    public static async Task<string> BeginningAsync(Stream body, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxBody];
        return Encoding.UTF8.GetString(buffer, 0, await body.ReadAtLeastAsync(buffer, MaxBody, throwOnEndOfStream: false, cancellationToken));
    }

    /// <summary>The message that says most: that of the cause, where there is one.</summary>
    public static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner and not OperationCanceledException)
            e = inner;
        return e.Message;
    }

    private sealed record WirePart(int Seq, double Ms, Facts? Facts);
}
