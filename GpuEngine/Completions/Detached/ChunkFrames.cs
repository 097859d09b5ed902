using System.Buffers;
using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// Writes one generation's chunks, in OpenAI's shape, from its UTF-8 text: what is the same in all of them is made once, and a
/// chunk of text costs a search for characters to escape and three copies.
/// </summary>
internal sealed class ChunkFrames
{
    private static readonly SearchValues<byte> Escaped =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(i => (byte)i), (byte)'"', (byte)'\\']);

    private static ReadOnlySpan<byte> TextStart => "{\"index\":0,\"delta\":{\"content\":\""u8;
    private static ReadOnlySpan<byte> ThinkingStart => "{\"index\":0,\"delta\":{\"reasoning_content\":\""u8;
    private static ReadOnlySpan<byte> TextEnd => "\"},\"finish_reason\":null}]}\n\n"u8;

    private readonly byte[] _head;
    private readonly byte[] _text;

    public ChunkFrames(Guid id, string model, DateTimeOffset created)
    {
        var head = $"data: {{\"id\":\"chatcmpl-{id:n}\",\"object\":\"chat.completion.chunk\"," +
            $"\"created\":{created.ToUnixTimeSeconds()},\"model\":\"{JsonEncodedText.Encode(model)}\",\"choices\":[";
        _head = Encoding.UTF8.GetBytes(head);
        _text = [.. _head, .. TextStart];
    }

    /// <summary>The first chunk: the role.</summary>
    public void Role(IBufferWriter<byte> to)
    {
        to.Write(_head);
        to.Write("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"u8);
    }

    public void Text(IBufferWriter<byte> to, ReadOnlySpan<byte> utf8)
    {
        if (utf8.IndexOfAny(Escaped) < 0)
        {
            // Nearly every token. One GetSpan for all of it: each call costs Kestrel a lock.
            var size = _text.Length + utf8.Length + TextEnd.Length;
            var room = to.GetSpan(size);
            _text.CopyTo(room);
            utf8.CopyTo(room[_text.Length..]);
            TextEnd.CopyTo(room[(_text.Length + utf8.Length)..]);
            to.Advance(size);
            return;
        }
        to.Write(_text);
        WriteEscaped(to, utf8);
    }

    /// <summary>A piece of the model's reasoning.</summary>
    public void Thinking(IBufferWriter<byte> to, ReadOnlySpan<byte> utf8)
    {
        to.Write(_head);
        to.Write(ThinkingStart);
        WriteEscaped(to, utf8);
    }

    private static void WriteEscaped(IBufferWriter<byte> to, ReadOnlySpan<byte> utf8)
    {
        for (int plain; (plain = utf8.IndexOfAny(Escaped)) >= 0; utf8 = utf8[(plain + 1)..])
        {
            to.Write(utf8[..plain]);
            Escape(to, utf8[plain]);
        }
        to.Write(utf8);
        to.Write(TextEnd);
    }

    /// <summary>The last chunks: the finish reason, and the usage where there is one.</summary>
    public void End(IBufferWriter<byte> to, string finishReason, TokenUsage? usage)
    {
        to.Write(_head);
        Write(to, $"{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{JsonEncodedText.Encode(finishReason)}\"}}]}}\n\n");
        if (usage is var (prompt, completion, total))
        {
            to.Write(_head);
            Write(to, $"],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},");
            Write(to, $"\"total_tokens\":{total}}}}}\n\n");
        }
        to.Write(ChatFrames.Done.Span);
    }

    private static void Escape(IBufferWriter<byte> to, byte character)
    {
        switch (character)
        {
            case (byte)'\n':
                to.Write("\\n"u8);
                break;
            case (byte)'"':
                to.Write("\\\""u8);
                break;
            case (byte)'\\':
                to.Write("\\\\"u8);
                break;
            default:
                Write(to, $"\\u{character:x4}");
                break;
        }
    }

    private static void Write(IBufferWriter<byte> to, string text) => to.Write(Encoding.UTF8.GetBytes(text));
}
