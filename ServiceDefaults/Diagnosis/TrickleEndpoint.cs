using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Diagnosis;

/// <summary>
/// A stream as answers are, as slow and as long as the caller asks: by it the doctor finds the hop on the way that cuts or
/// holds back. Scope <c>ops</c>. It stands below the same path as the streams that it stands for, since proxies have rules
/// for paths.
/// </summary>
public static class TrickleEndpoint
{
    private const int MaxPadding = 16 * 1024; // characters

    /// <summary>Shorter would be load, and no trickle.</summary>
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    public static void AddDiagnosis(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<DiagnosisOptions>().BindConfiguration(DiagnosisOptions.Section)
            .Validate(options => options.MaxAtOnce > 0, "Diagnosis:MaxAtOnce must be above 0").ValidateOnStart();
        builder.Services.AddSingleton<DiagnosisSlots>();
    }

    public static RouteHandlerBuilder MapTrickle(this IEndpointRouteBuilder routes, string path) =>
        routes.MapGet(path, TrickleAsync).RequireScope(Scopes.Ops).WithTags("operation").Streams<TrickleEvent>()
            .Fails(400, ErrorCodes.InvalidRequest).Fails(429, ErrorCodes.Overloaded)
            .WithMetadata(new DisableRequestTimeoutAttribute());

    /// <summary>
    /// A stream for finding timeouts and buffers on the way: `open`, a `part` every `interval`, `end`. `before` + `seconds`
    /// are at most `Answers:MaxDuration` and 30 s.
    /// </summary>
    /// <param name="seconds">From the response's headers to `end`.</param>
    /// <param name="interval">Seconds between parts, 0.1 at least; absent: nothing is sent between `open` and `end`.</param>
    /// <param name="before">Seconds of silence before the response's headers.</param>
    /// <param name="bytes">Further bytes in each part.</param>
    private static async Task TrickleAsync(
        HttpContext http, DiagnosisSlots slots, ServiceInfo service, IOptions<AnswersOptions> answers, IOptions<JsonOptions> json,
        IHostApplicationLifetime lifetime, TimeProvider time, double seconds = 0, double? interval = null, double before = 0, int bytes = 0)
    {
        var began = time.GetTimestamp();
        var (open, silent, every) = (Seconds(seconds, "seconds"), Seconds(before, "before"), Seconds(interval ?? 0, "interval"));
        if (interval is not null && every < Shortest)
            throw Invalid($"interval must be {Shortest.TotalSeconds} or more.");
        if (bytes is < 0 or > MaxPadding)
            throw Invalid($"bytes must be between 0 and {MaxPadding}.");
        http.Response.RegisterForDispose(slots.Take(open + silent));
        var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        http.Response.RegisterForDispose(ending);
        await Task.Delay(silent, time, ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new ProblemException(503, ErrorCodes.Draining, "This process stops.", Problems.DefaultRetryAfter);

        // Headers as an answer's stream has them, and no others: proxies go by them.
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache, no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        var facts = new TrickleFacts(
            service.Service, service.Version, answers.Value.MaxDuration.TotalSeconds, answers.Value.Ping.TotalSeconds,
            slots.Longest.TotalSeconds, http.Request.Scheme, http.Request.Host.Value ?? "",
            http.Connection.RemoteIpAddress?.ToString() ?? "");
        await SseFormatter.WriteAsync(
            PartsAsync(began, silent + open, every, bytes, facts, time, ending.Token), http.Response.Body,
            (item, writer) =>
            {
                using var data = new Utf8JsonWriter(writer);
                JsonSerializer.Serialize(data, item.Data, json.Value.SerializerOptions);
            },
            http.RequestAborted);
    }

    private static async IAsyncEnumerable<SseItem<TricklePart>> PartsAsync(
        long began, TimeSpan until, TimeSpan every, int bytes, TrickleFacts facts, TimeProvider time,
        [EnumeratorCancellation] CancellationToken ending)
    {
        var padding = bytes == 0 ? null : new string('.', bytes);
        var seq = 0;
        yield return Part("open");
        while (every > TimeSpan.Zero && until - time.GetElapsedTime(began) > every)
        {
            await Task.Delay(every, time, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ending.IsCancellationRequested)
                yield break;
            yield return Part("part");
        }
        if (until - time.GetElapsedTime(began) is var rest && rest > TimeSpan.Zero)
            await Task.Delay(rest, time, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!ending.IsCancellationRequested) // without an end: the process stops
            yield return Part("end");

        SseItem<TricklePart> Part(string type) => new(
            new(seq++, Math.Round(time.GetElapsedTime(began).TotalMilliseconds, 1), type == "open" ? facts : null, padding), type);
    }

    private static TimeSpan Seconds(double given, string name) => given is >= 0 and <= 86_400
        ? TimeSpan.FromSeconds(given)
        : throw Invalid($"{name} must be a number of seconds, 0 or more.");

    private static ProblemException Invalid(string detail) => new(400, ErrorCodes.InvalidRequest, detail);
}

/// <summary>One server-sent event of a trickle, as docs/openapi.json describes it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Open), "open")]
[JsonDerivedType(typeof(Part), "part")]
[JsonDerivedType(typeof(End), "end")]
internal abstract record TrickleEvent
{
    internal sealed record Open(TricklePart Data) : TrickleEvent;

    internal sealed record Part(TricklePart Data) : TrickleEvent;

    internal sealed record End(TricklePart Data) : TrickleEvent;
}

/// <summary>What an event of a trickle carries.</summary>
/// <param name="Seq">0 for the first.</param>
/// <param name="Ms">Milliseconds from the request's arrival at the service to the sending of this part.</param>
/// <param name="Facts">In the first one.</param>
/// <param name="Padding">As long as was asked for.</param>
public sealed record TricklePart(int Seq, double Ms, TrickleFacts? Facts, string? Padding);

/// <summary>What the service knows of itself and of the request.</summary>
/// <param name="AnswerSeconds"><c>Answers:MaxDuration</c>.</param>
/// <param name="PingSeconds"><c>Answers:Ping</c>.</param>
/// <param name="LongestSeconds">How long a trickle may last.</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>, as the service believes the caller to have come.</param>
/// <param name="Host">As the service believes the caller to have asked for.</param>
/// <param name="Address">The caller's, as the service believes.</param>
public sealed record TrickleFacts(
    string Service, string Version, double AnswerSeconds, double PingSeconds, double LongestSeconds, string Scheme, string Host,
    string Address);
