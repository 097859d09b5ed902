using System.Net.Mime;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.Features;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Charges forwarded chat completions to the caller's budget of model tokens: reserves prompt and longest answer
/// before, settles by the model's <c>usage</c> after. The answer's bytes are forwarded unchanged and without delay, and
/// read on the way. A stream without <c>stream_options.include_usage</c> is settled by an estimate. Callers without
/// such a budget are not metered. What the gateway cannot see, the engine charges (<see cref="ChargesApi"/>): with the
/// header <c>Generation-Id</c> a completion outlives its request.
/// </summary>
internal static class ModelMeter
{
    private const string Route = "/v1/chat/completions";

    /// <summary>Bytes; as much as the engine accepts.</summary>
    private const int MaxBody = 4 * 1024 * 1024;

    /// <summary>The engine charges a completion with this header.</summary>
    private const string Detached = "Generation-Id";

    public static void UseModelMeter(this WebApplication app, ModelTokens tokens) => app.Use((http, next) =>
    {
        if (!HttpMethods.IsPost(http.Request.Method))
            return next(http);
        if (IsCompletion(http.Request.Path) && !http.Request.Headers.ContainsKey(Detached))
            return tokens.IsLimited(http) ? MeterAsync(http, next, tokens) : next(http);
        return AsksModels(http.Request.Path) && tokens.IsLimited(http) ? CheckAsync(http, next, tokens) : next(http);
    });

    /// <summary>Work that will ask a model: it is not accepted where the budget is used up already.</summary>
    private static bool AsksModels(PathString path)
    {
        var asked = path.Value.AsSpan().TrimEnd('/');
        return asked.Equals("/chat", StringComparison.OrdinalIgnoreCase)
            || asked.Equals("/api/v1/roadmaps/generate", StringComparison.OrdinalIgnoreCase)
            || asked.Equals("/api/collab/execute", StringComparison.OrdinalIgnoreCase)
            || asked.StartsWith("/api/tutors/", StringComparison.OrdinalIgnoreCase)
                && asked.EndsWith("/sessions", StringComparison.OrdinalIgnoreCase);
    }

    private static async Task CheckAsync(HttpContext http, RequestDelegate next, ModelTokens tokens)
    {
        if (await tokens.CheckAsync(http) is { } refused)
            await refused.ToResult().ExecuteAsync(http);
        else
            await next(http);
    }

    private static bool IsCompletion(PathString path) =>
        path.Value.AsSpan().TrimEnd('/').Equals(Route, StringComparison.OrdinalIgnoreCase);

    private static async Task MeterAsync(HttpContext http, RequestDelegate next, ModelTokens tokens)
    {
        if (await ReadAsync(http) is not { } body)
        {
            await Problems.Create(
                StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge, $"This route accepts {MaxBody} bytes.").ExecuteAsync(http);
            return;
        }
        http.Request.Body = new MemoryStream(body, writable: false);
        var (promptBytes, most) = TokenEstimate.Read(body);
        TokenReservation reservation;
        try
        {
            reservation = await tokens.ReserveAsync(http, promptBytes, most);
        }
        catch (ProblemException refused)
        {
            await refused.ToResult().ExecuteAsync(http);
            return;
        }
        using var settled = reservation;

        http.Request.Headers.Remove("Accept-Encoding"); // a compressed answer could not be read on the way
        var original = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        await using var tap = new ResponseTap(http.Response, original.Stream);
        http.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(tap, original));
        try
        {
            await next(http);
        }
        finally
        {
            http.Features.Set(original);
            if (tap.Meter is { } meter)
            {
                meter.Complete();
                reservation.Answered(meter.TextBytes, meter.Total);
            }
        }
    }

    private static async Task<byte[]?> ReadAsync(HttpContext http)
    {
        using var copy = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await http.Request.Body.ReadAsync(buffer, http.RequestAborted) is > 0 and var read)
        {
            if (copy.Length + read > MaxBody)
                return null;
            await copy.WriteAsync(buffer.AsMemory(0, read));
        }
        return copy.ToArray();
    }

    /// <summary>Writes through to the response, and shows each successful answer's bytes to a meter.</summary>
    private sealed class ResponseTap(HttpResponse response, Stream inner) : Stream
    {
        /// <summary>Null until something was answered, and for what is no success.</summary>
        public AnswerMeter? Meter { get; private set; }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (response.StatusCode == StatusCodes.Status200OK)
            {
                const string Stream = MediaTypeNames.Text.EventStream;
                Meter ??= new(response.ContentType?.StartsWith(Stream, StringComparison.OrdinalIgnoreCase) == true);
                Meter.Write(buffer.Span);
            }
            await inner.WriteAsync(buffer, cancellationToken);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
