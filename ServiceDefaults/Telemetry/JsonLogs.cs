using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// One JSON object per line: <c>time</c> (UTC), <c>level</c>, <c>category</c>, <c>event</c>, <c>message</c>, <c>service</c>,
/// <c>instance</c>, and where there are some <c>trace_id</c>, <c>span_id</c>, <c>fields</c> (the message's values, by name) and
/// <c>exception</c>. Scopes are left out: ASP.NET's has the request's path, in which codes to join a class stand.
/// <para>Texts are cut, because Docker divides lines of more than 16 KiB, and half a line is not JSON.</para>
/// </summary>
internal sealed class JsonLogs(ServiceInfo info) : ConsoleFormatter(FormatName)
{
    /// <summary>Not <c>json</c>, which is .NET's own.</summary>
    public const string FormatName = "lyceum-json";

    // Characters.
    private const int MaxMessage = 2_000;
    private const int MaxException = 6_000;
    private const int MaxField = 200;
    private const int MaxFields = 20;

    private static readonly JsonWriterOptions Options = new()
    {
        // Readable in every script; line breaks of all kinds and control characters are escaped. Nobody puts it into HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // Of the thread that logs.
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        var buffer = _buffer ??= new();
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("level", logEntry.LogLevel.ToString().ToLowerInvariant());
            json.WriteString("category", logEntry.Category);
            if (logEntry.EventId.Name is { } name)
                json.WriteString("event", name);
            json.WriteString("message", Cut(message, MaxMessage));
            json.WriteString("service", info.Service);
            json.WriteString("instance", info.Instance);
            if (Activity.Current is { } activity)
            {
                json.WriteString("trace_id", activity.TraceId.ToHexString());
                json.WriteString("span_id", activity.SpanId.ToHexString());
            }
            if (logEntry.State is IReadOnlyCollection<KeyValuePair<string, object?>> { Count: > 1 } values)
                WriteFields(json, values);
            if (logEntry.Exception is { } exception)
                json.WriteString("exception", Cut(exception.ToString(), MaxException));
            json.WriteEndObject();
        }
        textWriter.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void WriteFields(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, object?>> values)
    {
        json.WriteStartObject("fields");
        foreach (var (name, value) in values.DistinctBy(value => value.Key).Take(MaxFields))
        {
            if (name == "{OriginalFormat}")
                continue;
            json.WritePropertyName(JsonNamingPolicy.SnakeCaseLower.ConvertName(name));
            switch (value)
            {
                case null: json.WriteNullValue(); break;
                case bool flag: json.WriteBooleanValue(flag); break;
                case int number: json.WriteNumberValue(number); break;
                case long number: json.WriteNumberValue(number); break;
                default: json.WriteStringValue(Cut(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", MaxField)); break;
            }
        }
        json.WriteEndObject();
    }

    private static string Cut(string text, int most) => text.Length <= most ? text : string.Concat(text.AsSpan(0, most), "…");
}
