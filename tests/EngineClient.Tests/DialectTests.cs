using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.Tests.EngineClient.Tests;

/// <summary>
/// What the reader makes of the streams that model servers send. Every row is read as a relay reads it, as a detached
/// generation, and as chat or a live turn, each in pieces of several sizes; all must agree.
/// </summary>
public sealed class DialectTests
{
    private const string Done = "data: [DONE]\n\n";
    private static readonly string Stop = End("stop");
    private static readonly string Role = Delta("""{"role":"assistant","content":""}""");

    /// <summary>Appended to a stream whose connection breaks at its end instead of being closed.</summary>
    private const string Breaks = "✂";

    /// <summary>An event with this text.</summary>
    private static string Say(string json) => Delta($$"""{"content":"{{json}}"}""");

    private static string Parts(string parts) => Delta($$"""{"content":[{{parts}}]}""");

    private static string Delta(string delta) =>
        Event($$"""{"choices":[{"index":0,"delta":{{delta}},"finish_reason":null}]}""");

    private static string End(string reason) =>
        Event($$"""{"choices":[{"index":0,"delta":{},"finish_reason":"{{reason}}"}]}""");

    private static string Usage(string usage) => Event($$"""{"choices":[],"usage":{{usage}}}""");

    private static string Event(string data) => $"data: {data}\n\n";

    /// <summary>
    /// Name, stream, and what it is: <c>text|end|usage</c>, the end being the finish reason, <c>cut</c> or the error.
    /// </summary>
    public static TheoryData<string, string, string> Dialects { get; } = new()
    {
        // How events are framed.
        { "OpenAI", Role + Say("Hi") + Say(" there") + Stop + Done, "Hi there|stop" },
        { "BOM", "\uFEFF" + Role + Say("Hi") + Stop + Done, "Hi|stop" },
        { "BOM before the first token", "\uFEFF" + Say("Hi") + Stop + Done, "Hi|stop" },
        { "CRLF", (Say("Hi") + Stop + Done).Replace("\n", "\r\n", StringComparison.Ordinal), "Hi|stop" },
        { "CR", (Say("Hi") + Stop + Done).Replace("\n", "\r", StringComparison.Ordinal), "Hi|stop" },
        { "no space after data:",
            (Say("Hi") + Stop + Done).Replace("data: ", "data:", StringComparison.Ordinal), "Hi|stop" },
        { "many spaces after data:",
            Say("Hi").Replace("data: ", "data:   ", StringComparison.Ordinal) + Stop + "data:  [DONE] \n\n",
            "Hi|stop" },
        { "comments between (OpenRouter)",
            ": OPENROUTER PROCESSING\n\n" + Say("Hi") + ": OPENROUTER PROCESSING\n\n" + Stop + Done, "Hi|stop" },
        { "event and id fields", "event: message\nid: 7\nretry: 10\n" + Say("Hi") + Stop + Done, "Hi|stop" },
        { "empty lines between", "\n\n" + Say("Hi") + "\n\n\n" + Stop + Done, "Hi|stop" },
        { "one event over several data lines",
            "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"Hi\"}\ndata: }]}\n\n" + Stop + Done, "Hi|stop" },
        { "JSON with spaces",
            Event("""{ "choices" : [ { "delta" : { "content" : "Hi" } } ] }""") + Stop + Done, "Hi|stop" },
        { "heartbeat objects", Event("{}") + Say("Hi") + Event("""{"type":"ping"}""") + Stop + Done, "Hi|stop" },
        { "text after [DONE]", Say("Hi") + Stop + Done + Say("more"), "Hi|stop" },

        // How an answer ends.
        { "no [DONE]", Say("Hi") + Stop, "Hi|stop" },
        { "no [DONE], connection broken", Say("Hi") + Stop + Breaks, "Hi|stop" },
        { "usage half sent, connection broken", Say("Hi") + Stop + "data: {\"choices\":[],\"usa" + Breaks, "Hi|stop" },
        { "[DONE] half sent", Say("Hi") + Stop + "data: [DO", "Hi|stop" },
        { "last event without blank line", Say("Hi") + Stop.TrimEnd(), "Hi|stop" },
        { "last event with one line end", Say("Hi") + Stop[..^1], "Hi|stop" },
        { "finish reason with the last text",
            Event("""{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}""") + Done, "Hi|stop" },
        { "finish reason empty until the end",
            Event("""{"choices":[{"delta":{"content":"Hi"},"finish_reason":""}]}""") + Stop, "Hi|stop" },
        { "finish reason twice", Say("Hi") + Stop + Stop + Done, "Hi|stop" },
        { "[DONE] without a finish reason", Say("Hi") + Done, "Hi|stop" },
        { "length", Say("Hi") + End("length") + Done, "Hi|length" },
        { "a reason of its own (TGI)", Say("Hi") + End("eos_token") + Done, "Hi|eos_token" },
        { "reason with U+0000", Say("Hi") + End(@"st\u0000op") + Done, "Hi|st\uFFFDop" },
        { "empty with its reason", Role + End("content_filter") + Done, "|content_filter" },
        { "empty without a reason", Role + Done, "|cut" },
        { "nothing but [DONE]", Done, "|cut" },
        { "nothing", "", "|cut" },
        { "closed amid the answer", Say("Hi"), "Hi|cut" },
        { "closed amid an event", Say("Hi") + "data: {\"choices\":[{\"delta\":{\"content\":\"there", "Hi|cut" },
        { "broken amid the answer", Say("Hi") + Breaks, "Hi|error The connection broke." },

        // Text.
        { "emoji split over two events", Say(@"a\ud83d") + Say(@"\ude00b") + Stop + Done, "a😀b|stop" },
        { "emoji split, upper case", Say(@"\uD83D") + Say(@"\uDE00") + Stop + Done, "😀|stop" },
        { "emoji split around an empty event", Say(@"\ud83d") + Say("") + Say(@"\ude00") + Stop + Done, "😀|stop" },
        { "emojis split again and again",
            Say(@"\ud83d") + Say(@"\ude00\ud83d") + Say(@"\ude01") + Stop + Done, "😀😁|stop" },
        { "first half alone", Say(@"a\ud83d") + Say("b") + Stop + Done, "a\uFFFDb|stop" },
        { "first half at the end", Say(@"a\ud83d") + Stop + Done, "a\uFFFD|stop" },
        { "second half alone", Say(@"\ude00b") + Stop + Done, "\uFFFDb|stop" },
        { "U+0000", Say(@"a\u0000b") + Stop + Done, "a\uFFFDb|stop" },
        { "every escape", Say(@"\""\\\/\b\f\n\r\t\u5b66") + Stop + Done, "\"\\/\b\f\n\r\t学|stop" },
        { "backslash before u", Say(@"\\ud83d") + Stop + Done, @"\ud83d|stop" },
        { "white space alone", Say(" ") + Say("\\n") + Stop + Done, " \n|stop" },
        { "list of parts",
            Parts("""{"type":"text","text":"Hi "},{"type":"text","text":"there"}""") + Stop + Done, "Hi there|stop" },
        { "list of parts, text first", Parts("""{"text":"Hi","type":"text"}""") + Stop + Done, "Hi|stop" },
        { "list of parts with a split emoji",
            Parts("""{"type":"text","text":"\ud83d"}""") + Parts("""{"type":"text","text":"\ude00"}""") + Stop +
            Done, "😀|stop" },
        { "list of strings", Delta("""{"content":["Hi"," there"]}""") + Stop + Done, "Hi there|stop" },
        { "content null", Delta("""{"content":null}""") + Say("Hi") + Stop + Done, "Hi|stop" },
        { "content an object", Delta("""{"content":{"text":"no"}}""") + Say("Hi") + Stop + Done, "Hi|stop" },
        { "choices null", Event("""{"choices":null}""") + Say("Hi") + Stop + Done, "Hi|stop" },
        { "first chunk about the prompt (Azure)",
            Event("""{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}""") + Say("Hi") + Stop + Done,
            "Hi|stop" },

        // Reasoning is never text.
        { "reasoning_content (DeepSeek)",
            Delta("""{"content":null,"reasoning_content":"hm"}""") + Say("Hi") + Stop + Done, "Hi|stop" },
        { "reasoning (OpenRouter, Ollama)",
            Delta("""{"content":"","reasoning":"hm","reasoning_details":[{"text":"hm"}]}""") + Say("Hi") + Stop +
            Done, "Hi|stop" },
        { "thinking as a part (Mistral)",
            Parts("""{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"Hi"}""") +
            Stop + Done, "Hi|stop" },
        { "reasoning as a part", Parts("""{"text":"hm","type":"reasoning"}""") + Say("Hi") + Stop + Done, "Hi|stop" },
        { "reasoning alone", Delta("""{"reasoning_content":"hm"}""") + Stop + Done, "|stop" },

        // Usage.
        { "usage in the last event",
            Say("Hi") + Stop + Usage("""{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}""") + Done,
            "Hi|stop|3/2/5" },
        { "usage with the finish reason",
            Say("Hi") +
            Event("""{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}""") +
            Done, "Hi|stop|3/2/5" },
        { "usage growing in every event",
            Event("""{"choices":[{"delta":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}""") +
            Event("""{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}""") +
            Done, "Hi|stop|3/2/5" },
        { "usage in the choice (Moonshot)",
            Say("Hi") +
            Event("""{"choices":[{"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2}}]}""") +
            Done, "Hi|stop|3/2/5" },
        { "usage with a decimal point",
            Say("Hi") + Stop + Usage("""{"prompt_tokens":3.0,"completion_tokens":2.0}""") + Done, "Hi|stop|3/2/5" },
        { "counts null",
            Say("Hi") + Stop + Usage("""{"prompt_tokens":null,"completion_tokens":null}""") + Done, "Hi|stop" },
        { "counts as words",
            Say("Hi") + Stop + Usage("""{"prompt_tokens":"many","completion_tokens":[]}""") + Done, "Hi|stop" },
        { "usage null", Say("Hi") + Stop + Usage("""null""") + Done, "Hi|stop" },

        // Errors.
        { "error object", Say("Hi") + Event("""{"error":{"message":"boom","code":500}}""") + Done, "Hi|error boom" },
        { "error string (TGI)", Say("Hi") + Event("""{"error":"boom","error_type":"generation"}"""), "Hi|error boom" },
        { "object error, then [DONE] (vLLM, SGLang)",
            Say("Hi") + Event("""{"object":"error","message":"boom","type":"t","code":400}""") + Done,
            "Hi|error boom" },
        { "error in the choice (OpenRouter)",
            Say("Hi") +
            Event("""{"choices":[{"finish_reason":"error","error":{"code":502,"message":"boom"}}]}""") +
            Done, "Hi|error boom" },
        { "finish reason error (Mistral)",
            Say("Hi") + End("error") + Done, "Hi|error The answer ended with the reason 'error'." },
        { "event: error", Say("Hi") + "event: error\n" + Event("""{"message":"boom"}"""), "Hi|error boom" },
        { "event: error with words", Say("Hi") + "event: error\n" + Event("boom"), "Hi|error boom" },
        { "error: field (llama.cpp)", Say("Hi") + "error: {\"code\":500,\"message\":\"boom\"}\n\n", "Hi|error boom" },
        { "list with an error (Gemini)",
            Say("Hi") + Event("""[{"error":{"code":503,"message":"boom"}}]"""), "Hi|error boom" },
        { "error null beside text",
            Event("""{"error":null,"choices":[{"delta":{"content":"Hi"}}]}""") + Stop + Done, "Hi|stop" },
        { "garbage", Say("Hi") + Event("<html>502</html>"), "Hi|error An event is no JSON." },
        { "JSON that is no object", Say("Hi") + Event("7"), "Hi|error A chunk must be an object." },
    };

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Stream_OfAnyServer_IsReadAlikeByAll(string name, string sent, string expected)
    {
        var broken = sent.EndsWith(Breaks, StringComparison.Ordinal);
        var bytes = Encoding.UTF8.GetBytes(broken ? sent[..^Breaks.Length] : sent);
        foreach (var piece in (int[])[1, 7, 100_000])
        {
            foreach (var textAs in Enum.GetValues<TextAs>())
            {
                var (read, relayed) = await ReadAsync(new Trickle(bytes, piece, broken), textAs);

                // A relay reads neither text nor usage.
                read.ShouldBe(
                    textAs is TextAs.Nothing ? "|" + expected.Split('|')[1] : expected,
                    $"{name}, {textAs}, pieces of {piece}");
                var whole = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF') + "\n\n";
                whole.ShouldStartWith(relayed, customMessage: $"{name}: relayed untouched");
            }
        }
    }

    private static async Task<(string Read, string Relayed)> ReadAsync(Stream stream, TextAs textAs)
    {
        var answer = new CompletionStream(stream, textAs);
        var (text, relayed, half) = (new StringBuilder(), new MemoryStream(), '\0');
        EngineError? error = null;
        try
        {
            while (error is null && await answer.FillAsync(TestContext.Current.CancellationToken))
            {
                var good = 0;
                while (error is null && answer.TryRead(out var chunk, out var data))
                {
                    text.Append(JsonText.Read(data[chunk.Raw], ref half)).Append(chunk.Text);
                    error = chunk.Error;
                    good = error is null ? answer.Taken.Length : good;
                }
                relayed.Write(answer.Taken.Span[..good]);
            }
            text.Append(half == 0 ? "" : "\uFFFD");
        }
        catch (Exception e) when (e is MalformedStreamException or IOException)
        {
            error = new(0, "", e.Message);
        }
        var end = error is null ? answer.End ?? "cut" : $"error {error.Message}";
        var usage = answer.Usage is var (prompt, completion, total) ? $"|{prompt}/{completion}/{total}" : "";
        return ($"{text}|{end}{usage}", Encoding.UTF8.GetString(relayed.ToArray()));
    }
}
