using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Text.Moderation;

namespace Lyceum.ChatApi.Reading;

/// <summary>The first event of a reader.</summary>
/// <param name="StreamUrl">Path and ticket to read the same answer again without headers.</param>
/// <param name="QuestionId">The question's message, which the answer follows.</param>
/// <param name="Mode">See <see cref="Modes"/>; absent: nothing was said of it.</param>
/// <param name="Grounding">See <see cref="GroundingStatus"/>; absent: no knowledge base was named.</param>
/// <param name="Sources">What the model was given, with its texts; what the answer cites is known at its end.</param>
public sealed record AnswerStart(
    Guid ConversationId, Guid MessageId, string StreamUrl, Guid? QuestionId = null, string? Mode = null, string? Grounding = null,
    IReadOnlyList<AnswerSource>? Sources = null);

/// <summary>What is known of an answer before its first word: see <see cref="AnswerStart"/>.</summary>
public sealed record AnswerBeginning(
    Guid? QuestionId, string? Mode, string? Grounding, IReadOnlyList<AnswerSource>? Sources);

/// <summary>How one reader is sent an answer. Each call ends with a flush that waits for the client (backpressure).</summary>
public interface IAnswerWriter
{
    ValueTask StartAsync(AnswerStart start, CancellationToken cancellationToken);

    /// <summary>What the school says at signs of self-harm in the question; nothing where it cannot be said.</summary>
    ValueTask HelpAsync(SafetyHelp help, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <param name="offset">UTF-8 bytes of the answer after this text: the cursor to resume from.</param>
    ValueTask DeltaAsync(ReadOnlyMemory<byte> text, int offset, CancellationToken cancellationToken);

    /// <param name="length">UTF-8 bytes of the model's reasoning so far, which is no part of the answer.</param>
    ValueTask ThinkingAsync(int length, CancellationToken cancellationToken);

    ValueTask PingAsync(CancellationToken cancellationToken);

    ValueTask EndAsync(AnswerEnd end, CancellationToken cancellationToken);
}

/// <summary>
/// Server-sent events: <c>start</c>, <c>thinking</c>, <c>delta</c> (with <c>id:</c>, the cursor), <c>ping</c>, then <c>end</c> or, for an
/// answer that failed, <c>error</c> with a problem document (both with <c>id: end</c>). Written straight into the response's pipe: once per token.
/// </summary>
public sealed class SseAnswerWriter(ReaderPipe pipe) : IAnswerWriter, IDisposable
{
    private readonly PipeWriter _output = pipe.Writer;
    private readonly Utf8JsonWriter _json = new(pipe.Writer, new JsonWriterOptions
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // Chinese as itself; line breaks are still escaped
    });

    /// <summary>The id of the last event: a reader that reconnects with it has seen everything.</summary>
    public const string EndId = "end";

    public ValueTask StartAsync(AnswerStart start, CancellationToken cancellationToken)
    {
        _output.Write("retry: 1000\n"u8); // milliseconds until an EventSource that was cut off comes back
        Begin("start"u8);
        JsonSerializer.Serialize(_json, start, AnswerJson.Options);
        return FinishAsync(cancellationToken);
    }

    public ValueTask HelpAsync(SafetyHelp help, CancellationToken cancellationToken)
    {
        Begin("help"u8); // without an id: it moves no cursor
        JsonSerializer.Serialize(_json, help, AnswerJson.Options);
        return FinishAsync(cancellationToken);
    }

    public ValueTask DeltaAsync(ReadOnlyMemory<byte> text, int offset, CancellationToken cancellationToken)
    {
        var id = _output.GetSpan(24);
        "id: "u8.CopyTo(id);
        Utf8Formatter.TryFormat(offset, id[4..], out var digits);
        id[4 + digits] = (byte)'\n';
        _output.Advance(5 + digits);
        Begin("delta"u8);
        _json.WriteStartObject();
        _json.WriteString("text"u8, text.Span);
        _json.WriteEndObject();
        return FinishAsync(cancellationToken);
    }

    public ValueTask ThinkingAsync(int length, CancellationToken cancellationToken)
    {
        Begin("thinking"u8); // without an id: it moves no cursor
        _json.WriteStartObject();
        _json.WriteNumber("length"u8, length);
        _json.WriteEndObject();
        return FinishAsync(cancellationToken);
    }

    public ValueTask PingAsync(CancellationToken cancellationToken)
    {
        Begin("ping"u8);
        _json.WriteStartObject();
        _json.WriteEndObject();
        return FinishAsync(cancellationToken);
    }

    public ValueTask EndAsync(AnswerEnd end, CancellationToken cancellationToken)
    {
        _output.Write("id: end\n"u8);
        if (end is { Status: AnswerStatus.Failed, Error: { } error })
        {
            Begin("error"u8);
            JsonSerializer.Serialize(_json, error, AnswerJson.Options);
        }
        else
        {
            Begin("end"u8);
            JsonSerializer.Serialize(_json, end, AnswerJson.Options);
        }
        return FinishAsync(cancellationToken);
    }

    private void Begin(ReadOnlySpan<byte> type)
    {
        _output.Write("event: "u8);
        _output.Write(type);
        _output.Write("\ndata: "u8);
        _json.Reset();
    }

    private async ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        EndEvent();
        await pipe.FlushAsync(cancellationToken);
    }

    private void EndEvent()
    {
        _json.Flush(); // into the pipe's memory
        _output.Write("\n\n"u8);
    }

    public void Dispose() => _json.Dispose();
}

/// <summary>
/// <c>Accept: text/plain</c>: the text alone, as it comes. Nothing but the text can be said in it, so a client that wants
/// to know how the answer ended reads the message, or asks for events. Before it stands what the school says at signs
/// of self-harm, as nobody may miss that.
/// </summary>
public sealed class PlainTextAnswerWriter(ReaderPipe pipe) : IAnswerWriter
{
    public async ValueTask StartAsync(AnswerStart start, CancellationToken cancellationToken) =>
        await pipe.FlushAsync(cancellationToken); // headers at once

    /// <summary>Help as a reader of text sees it, UTF-8: a paragraph of its own.</summary>
    public static byte[] Paragraph(SafetyHelp help)
    {
        ArgumentNullException.ThrowIfNull(help);
        string?[] lines = [help.Text, help.Contact];
        return Encoding.UTF8.GetBytes(string.Join('\n', lines.Where(line => !string.IsNullOrWhiteSpace(line))) + "\n\n");
    }

    public async ValueTask HelpAsync(SafetyHelp help, CancellationToken cancellationToken)
    {
        pipe.Writer.Write(Paragraph(help));
        await pipe.FlushAsync(cancellationToken);
    }

    public async ValueTask DeltaAsync(ReadOnlyMemory<byte> text, int offset, CancellationToken cancellationToken)
    {
        pipe.Writer.Write(text.Span);
        await pipe.FlushAsync(cancellationToken);
    }

    public ValueTask ThinkingAsync(int length, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask PingAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask EndAsync(AnswerEnd end, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}
