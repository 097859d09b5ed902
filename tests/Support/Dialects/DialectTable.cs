using System.Globalization;

namespace Lyceum.Tests.Support.Dialects;

/// <summary>
/// Streams as public model servers send them, in our own words. One table for all who read them: a relayed completion,
/// chat's detached generation, a live turn, a job's whole answer.
/// </summary>
public static class DialectTable
{
    private const string Done = "data: [DONE]\n\n";
    private static readonly string Role = Delta("""{"role":"assistant","content":""}""");
    private static readonly string Stop = End("stop");
    private static readonly string HiStopDone = Say("Hi") + Stop + Done;

    private static readonly string Whole = Completion("""{"role":"assistant","content":"Hi"}""");

    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, Dialect> All { get; } =
        Framing().Concat(Ends()).Concat(Texts()).Concat(Thinking()).Concat(Counts()).Concat(Errors()).Concat(Bodies())
            .ToDictionary(dialect => dialect.Name);

    private static string Event(string data) => $"data: {data}\n\n";

    private static string Delta(string delta) =>
        Event($$"""{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{{delta}},"finish_reason":null}]}""");

    /// <summary>An event with this text.</summary>
    private static string Say(string json) => Delta($$"""{"content":"{{json}}"}""");

    private static string Think(string json, string name = "reasoning_content") => Delta($$"""{"{{name}}":"{{json}}"}""");

    private static string Parts(string parts) => Delta($$"""{"content":[{{parts}}]}""");

    private static string End(string reason) => Event(
        $$"""{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"{{reason}}"}]}""");

    private static string Usage(string usage) =>
        Event($$"""{"object":"chat.completion.chunk","choices":[],"usage":{{usage}}}""");

    private static string Choices(string choices) =>
        Event($$"""{"object":"chat.completion.chunk","choices":[{{choices}}]}""");

    private static string Completion(string message, string finish = "\"stop\"", string more = "") =>
        $$"""{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{{message}},"finish_reason":{{finish}}}]{{more}}}""";

    /// <summary>The text, one character an event: whatever is cut, is cut everywhere.</summary>
    private static string Spelled(string text) => string.Concat(text.EnumerateRunes().Select(rune =>
        Say(rune.ToString().Replace("\n", "\\n", StringComparison.Ordinal))));

    private static Dialect[] Framing() =>
    [
        new("OpenAI", Role + Say("Hi") + Say(" there") + Stop + Done, "Hi there", "stop"),
        new("BOM, then the role", "\uFEFF" + Role + Say("Hi") + Stop + Done, "Hi", "stop"),
        new("BOM before the first token", "\uFEFF" + HiStopDone, "Hi", "stop"),
        new("CRLF", HiStopDone.Replace("\n", "\r\n", StringComparison.Ordinal), "Hi", "stop"),
        new("CR", HiStopDone.Replace("\n", "\r", StringComparison.Ordinal), "Hi", "stop"),
        new("CRLF and LF mixed", Say("Hi").Replace("\n", "\r\n", StringComparison.Ordinal) + Stop + Done, "Hi", "stop"),
        new("no space after data:", HiStopDone.Replace("data: ", "data:", StringComparison.Ordinal), "Hi", "stop"),
        new("many spaces after data:", Say("Hi").Replace("data: ", "data:   ", StringComparison.Ordinal) + Stop
            + "data:  [DONE] \n\n", "Hi", "stop"),
        new("keep-alive comments (DeepSeek)", ": keep-alive\n\n: keep-alive\n\n" + HiStopDone, "Hi", "stop"),
        new("comments between (OpenRouter)", ": OPENROUTER PROCESSING\n\n" + Say("Hi") + ": OPENROUTER PROCESSING\n\n" + Stop
            + Done, "Hi", "stop"),
        new("a comment in an event", ": note\n" + HiStopDone, "Hi", "stop"),
        new("an empty comment", ":\n\n" + HiStopDone, "Hi", "stop"),
        new("event, id and retry fields", "event: message\nid: 7\nretry: 10\n" + HiStopDone, "Hi", "stop"),
        new("the same id twice", "id: 1\nid: 1\n" + Say("Hi") + "id: 1\n" + Stop + Done, "Hi", "stop"),
        new("empty lines between", "\n\n" + Say("Hi") + "\n\n\n" + Stop + Done, "Hi", "stop"),
        new("one event over several data lines",
            "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"Hi\"}\ndata: }]}\n\n" + Stop + Done, "Hi", "stop"),
        new("data lines without a space", "data:{\"choices\":[\ndata:{\"delta\":{\"content\":\"Hi\"}}]}\n\n" + Stop + Done,
            "Hi", "stop"),
        new("an empty data line first", "data:\n" + HiStopDone, "Hi", "stop"),
        new("JSON with spaces", Event("""{ "choices" : [ { "delta" : { "content" : "Hi" } } ] }""") + Stop + Done, "Hi", "stop"),
        new("heartbeat objects", Event("{}") + Say("Hi") + Event("""{"type":"ping"}""") + Stop + Done, "Hi", "stop"),
        new("events of other types", "event: ping\ndata: {\"type\":\"ping\"}\n\n" + HiStopDone, "Hi", "stop"),
        new("text after [DONE]", HiStopDone + Say("more"), "Hi", "stop"),
        new("an error after [DONE]", HiStopDone + Event("""{"error":{"message":"late"}}"""), "Hi", "stop"),
        new("[DONE] twice", HiStopDone + Done, "Hi", "stop"),
        new("huge number as created (LM Studio)", Event(
            """{"created":1e30,"id":99999999999999999999,"choices":[{"delta":{"content":"Hi"}}]}""") + Stop + Done, "Hi", "stop"),
        new("numbers as words", Event(
            """{"created":"now","choices":[{"index":"0","delta":{"content":"Hi"}}]}""") + Stop + Done, "Hi", "stop"),
        new("members of wrong types", Event(
            """{"id":[],"model":7,"object":{},"choices":[{"delta":{"content":"Hi","role":null}}]}""") + Stop + Done, "Hi", "stop"),
        new("unknown members everywhere (llama.cpp)", Event(
            """{"timings":{"predicted_n":1},"__verbose":{"content":"no"},"choices":[{"delta":{"content":"Hi","x":{"content":"no"}},"stop":false}]}""")
            + Stop + Done, "Hi", "stop"),
        new("log probabilities (vLLM)", Event(
            """{"choices":[{"delta":{"content":"Hi"},"logprobs":{"content":[{"token":"Hi","bytes":[72,105],"top_logprobs":[]}]}}]}""")
            + Stop + Done, "Hi", "stop"),
    ];

    private static Dialect[] Ends() =>
    [
        new("no [DONE]", Say("Hi") + Stop, "Hi", "stop"),
        new("no [DONE], connection broken", Say("Hi") + Stop, "Hi", "stop", Breaks: true),
        new("usage half sent, connection broken", Say("Hi") + Stop + "data: {\"choices\":[],\"usa", "Hi", "stop", Breaks: true),
        new("[DONE] half sent", Say("Hi") + Stop + "data: [DO", "Hi", "stop"),
        new("last event without blank line", Say("Hi") + Stop.TrimEnd(), "Hi", "stop"),
        new("last event with one line end", Say("Hi") + Stop[..^1], "Hi", "stop"),
        new("finish reason with the last text", Choices("""{"delta":{"content":"Hi"},"finish_reason":"stop"}""") + Done,
            "Hi", "stop"),
        new("finish reason before the delta", Choices("""{"finish_reason":"stop","delta":{"content":"Hi"},"index":0}""") + Done,
            "Hi", "stop"),
        new("finish reason empty until the end (Qwen)", Choices("""{"delta":{"content":"Hi"},"finish_reason":""}""") + Stop + Done,
            "Hi", "stop"),
        new("finish reason twice", Say("Hi") + Stop + Stop + Done, "Hi", "stop"),
        new("finish reason null to the end", Say("Hi") + Done, "Hi", "stop"),
        new("finish reason a number", Say("Hi") + Choices("""{"delta":{},"finish_reason":2}""") + Done, "Hi", "stop"),
        new("finish without a delta", Say("Hi") + Choices("""{"index":0,"finish_reason":"stop"}""") + Done, "Hi", "stop"),
        new("delta null at the end", Say("Hi") + Choices("""{"delta":null,"finish_reason":"stop"}""") + Done, "Hi", "stop"),
        new("content null at the end", Say("Hi") + Choices("""{"delta":{"content":null},"finish_reason":"stop"}""") + Done,
            "Hi", "stop"),
        new("length", Say("Hi") + End("length") + Done, "Hi", "length"),
        new("a reason of its own (TGI)", Say("Hi") + End("eos_token") + Done, "Hi", "eos_token"),
        new("details behind the end (TGI)", Say("Hi") + Event(
            """{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop_sequence"}],"details":{"generated_tokens":2,"seed":null}}""")
            + Done, "Hi", "stop_sequence"),
        new("a reason in capitals (Gemini)", Say("Hi") + End("MAX_TOKENS") + Done, "Hi", "MAX_TOKENS"),
        new("filtered amid the answer (Azure)", Say("Hi") + Choices(
            """{"content_filter_results":{"hate":{"filtered":true}},"delta":{},"finish_reason":"content_filter"}""") + Done,
            "Hi", "content_filter"),
        new("empty with its reason", Role + End("content_filter") + Done, "", "content_filter"),
        new("empty without a reason", Role + Done, "", Dialect.Cut),
        new("empty with an empty reason", Role + Choices("""{"delta":{},"finish_reason":""}""") + Done, "", Dialect.Cut),
        new("role alone, then closed", Role, "", Dialect.Cut),
        new("nothing but [DONE]", Done, "", Dialect.Cut),
        new("nothing", "", "", Dialect.Cut),
        new("comments alone", ": keep-alive\n\n", "", Dialect.Cut),
        new("usage alone", Usage("""{"prompt_tokens":3,"completion_tokens":0}""") + Done, "", Dialect.Cut, Usage: "3/0/3"),
        new("closed amid the answer", Say("Hi"), "Hi", Dialect.Cut),
        new("closed amid an event", Say("Hi") + "data: {\"choices\":[{\"delta\":{\"content\":\"there", "Hi", Dialect.Cut),
        new("broken amid the answer", Say("Hi"), "Hi", Dialect.Cut, Breaks: true),
        new("choices empty at the end (vLLM)", Say("Hi") + Stop + Event("""{"choices":[],"usage":null}""") + Done, "Hi", "stop"),
        new("choices null", Event("""{"choices":null}""") + HiStopDone, "Hi", "stop"),
        new("no choices member", Event("""{"id":"c1","model":"m"}""") + HiStopDone, "Hi", "stop"),
    ];

    private static Dialect[] Texts() =>
    [
        new("emoji split over two events", Say(@"a\ud83d") + Say(@"\ude00b") + Stop + Done, "a😀b", "stop"),
        new("emoji split, upper case", Say(@"\uD83D") + Say(@"\uDE00") + Stop + Done, "😀", "stop"),
        new("emoji split around an empty event", Say(@"\ud83d") + Say("") + Say(@"\ude00") + Stop + Done, "😀", "stop"),
        new("emojis split again and again", Say(@"\ud83d") + Say(@"\ude00\ud83d") + Say(@"\ude01") + Stop + Done, "😀😁", "stop"),
        new("emoji split over text and part", Say(@"a\ud83d") + Parts("""{"type":"text","text":"\ude00"}""") + Stop + Done,
            "a😀", "stop"),
        new("first half alone", Say(@"a\ud83d") + Say("b") + Stop + Done, "a\uFFFDb", "stop"),
        new("first half at the end", Say(@"a\ud83d") + Stop + Done, "a\uFFFD", "stop"),
        new("second half alone", Say(@"\ude00b") + Stop + Done, "\uFFFDb", "stop"),
        new("bytes of an emoji in two events", Say("a\u00F0\u009F") + Say("\u0098\u0080b") + Stop + Done, "a😀b", "stop",
            IsBytes: true),
        new("bytes of an emoji in four events", Say("\u00F0") + Say("\u009F") + Say("\u0098") + Say("\u0080") + Stop + Done,
            "😀", "stop", IsBytes: true),
        new("bytes of a Chinese character in two events", Say("x") + Say("\u00E5\u00AD") + Say("\u00A6y") + Stop + Done, "x学y",
            "stop", IsBytes: true),
        new("bytes that are no UTF-8", Say("a\u00FFb") + Stop + Done, "a\uFFFDb", "stop", IsBytes: true),
        new("first bytes alone at the end", Say("a") + Say("\u00E5\u00AD") + Stop + Done, "a\uFFFD", "stop", IsBytes: true),
        new("U+0000", Say(@"a\u0000b") + Stop + Done, "a\uFFFDb", "stop"),
        new("every escape", Say(@"\""\\\/\b\f\n\r\t\u5b66") + Stop + Done, "\"\\/\b\f\n\r\t学", "stop"),
        new("backslash before u", Say(@"\\ud83d") + Stop + Done, @"\ud83d", "stop"),
        new("white space alone", Say(" ") + Say("\\n") + Stop + Done, " \n", "stop"),
        new("white space first", Say("\\n\\n") + Say("Hi") + Stop + Done, "\n\nHi", "stop"),
        new("Chinese", Say("学") + Say("习。") + Stop + Done, "学习。", "stop"),
        new("list of parts (Mistral)", Parts("""{"type":"text","text":"Hi "},{"type":"text","text":"there"}""") + Stop + Done,
            "Hi there", "stop"),
        new("list of parts, text first", Parts("""{"text":"Hi","type":"text"}""") + Stop + Done, "Hi", "stop"),
        new("list of parts, no type", Parts("""{"text":"Hi"}""") + Stop + Done, "Hi", "stop"),
        new("list of output_text", Parts("""{"type":"output_text","text":"Hi","annotations":[]}""") + Stop + Done, "Hi", "stop"),
        new("list of strings", Delta("""{"content":["Hi"," there"]}""") + Stop + Done, "Hi there", "stop"),
        new("list with pictures and references", Parts(
            """{"type":"image_url","image_url":{"url":"x","text":"no"}},{"type":"reference","reference_ids":[1]},{"type":"text","text":"Hi"}""")
            + Stop + Done, "Hi", "stop"),
        new("list that is empty", Parts("") + Say("Hi") + Stop + Done, "Hi", "stop"),
        new("parts and strings mixed", Say("a") + Parts("""{"type":"text","text":"b"}""") + Say("c") + Stop + Done, "abc", "stop"),
        new("list with a split emoji", Parts("""{"type":"text","text":"\ud83d"}""") + Parts(
            """{"type":"text","text":"\ude00"}""") + Stop + Done, "😀", "stop"),
        new("content null", Delta("""{"content":null}""") + HiStopDone, "Hi", "stop"),
        new("content an object", Delta("""{"content":{"text":"no"}}""") + HiStopDone, "Hi", "stop"),
        new("content a number", Delta("""{"content":7}""") + HiStopDone, "Hi", "stop"),
        new("first chunk about the prompt (Azure)", Event(
            """{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}""")
            + HiStopDone, "Hi", "stop"),
        new("no index (Gemini)", Choices("""{"delta":{"role":"assistant","content":"Hi"}}""") + Choices(
            """{"delta":{},"finish_reason":"stop"}""") + Done, "Hi", "stop"),
        new("a second choice nobody asked for", Choices(
            """{"index":0,"delta":{"content":"Hi"}},{"index":1,"delta":{"content":"no"}}""") + Choices(
            """{"index":1,"delta":{},"finish_reason":"length"},{"index":0,"delta":{},"finish_reason":"stop"}""") + Done, "Hi", "stop"),
        new("a second choice in its own events", Choices("""{"delta":{"content":"Hi"},"index":0}""") + Choices(
            """{"delta":{"content":"no"},"index":1}""") + Choices("""{"delta":{},"finish_reason":"stop","index":0}""") + Choices(
            """{"delta":{},"finish_reason":"length","index":1}""") + Done, "Hi", "stop"),
        new("choices counted from 1", Choices("""{"index":1,"delta":{"content":"Hi"}}""") + Choices(
            """{"index":1,"delta":{},"finish_reason":"stop"}""") + Done, "Hi", "stop"),
        new("refusal", Delta("""{"refusal":"I will "}""") + Delta("""{"refusal":"not."}""") + Stop + Done, "I will not.", "stop"),
        new("message beside the delta (Perplexity)", Choices(
            """{"index":0,"message":{"role":"assistant","content":"Hi"},"delta":{"content":"Hi"}}""") + Choices(
            """{"index":0,"message":{"role":"assistant","content":"Hi you"},"delta":{"content":" you"},"finish_reason":"stop"}""") + Done,
            "Hi you", "stop"),
        new("the whole message once more at the end", Say("Hi") + Choices(
            """{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}""") + Done, "Hi", "stop"),
        new("all of it in one message event", Event(Whole) + Done, "Hi", "stop"),
        new("tags in the middle are text", Say("Write ") + Say("<think>x</think>") + Say(".") + Stop + Done,
            "Write <think>x</think>.", "stop"),
        new("something like a tag is text", Say("<thin") + Say("g> ") + Say("Hi") + Stop + Done, "<thing> Hi", "stop"),
        new("a lone < is text", Say("<") + Stop + Done, "<", "stop"),
        new("a lone < is text, no reason", Say("<") + Done, "<", "stop"),
    ];

    private static Dialect[] Thinking() =>
    [
        new("reasoning_content (DeepSeek, vLLM)", Delta("""{"content":null,"reasoning_content":"hm"}""") + HiStopDone, "Hi", "stop",
            "hm"),
        new("reasoning (OpenRouter, Ollama)", Delta(
            """{"content":"","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]}""") + HiStopDone, "Hi",
            "stop", "hm"),
        new("reasoning under two names (vLLM)", Delta("""{"reasoning_content":"hm","reasoning":"hm"}""") + HiStopDone, "Hi", "stop",
            "hm"),
        new("reasoning_details alone", Delta(
            """{"reasoning_details":[{"type":"reasoning.summary","summary":"h"},{"type":"reasoning.text","text":"m"}]}""")
            + HiStopDone, "Hi", "stop", "hm"),
        new("reasoning_details encrypted", Delta(
            """{"reasoning_details":[{"type":"reasoning.encrypted","data":"abc"}]}""") + HiStopDone, "Hi", "stop"),
        new("thinking (Ollama)", Think("hm", "thinking") + HiStopDone, "Hi", "stop", "hm"),
        new("reasoning in many events", Think("h") + Think("m\\n") + Think(".") + HiStopDone, "Hi", "stop", "hm\n."),
        new("reasoning with a split emoji", Think(@"\ud83d") + Think(@"\ude00") + HiStopDone, "Hi", "stop", "😀"),
        new("reasoning with U+0000", Think(@"a\u0000") + HiStopDone, "Hi", "stop", "a\uFFFD"),
        new("reasoning null beside text", Delta("""{"content":"Hi","reasoning_content":null}""") + Stop + Done, "Hi", "stop"),
        new("reasoning and text in one event", Delta("""{"content":"Hi","reasoning_content":"hm"}""") + Stop + Done, "Hi", "stop",
            "hm"),
        new("reasoning between pieces of text", Say("Hi") + Think("hm") + Say(" you") + Stop + Done, "Hi you", "stop", "hm"),
        new("reasoning alone", Think("hm") + Stop + Done, "", "stop", "hm"),
        new("reasoning to the last token", Think("hm") + End("length") + Done, "", "length", "hm"),
        new("thinking as a part (Mistral)", Parts(
            """{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}]}""") + Parts(
            """{"type":"text","text":"Hi"}""") + Stop + Done, "Hi", "stop", "hm"),
        new("thinking and text as parts", Parts(
            """{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"}""") + Stop + Done, "Hi", "stop", "hm"),
        new("reasoning as a part", Parts("""{"text":"hm","type":"reasoning"}""") + HiStopDone, "Hi", "stop", "hm"),
        new("think tags in one event", Say("<think>hm</think>Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("think tags, an event each", Say("<think>") + Say("hm") + Say("</think>") + Say("Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("think tags spelled out", Spelled("<think>\nhm\n</think>\n\nHi") + Stop + Done, "Hi", "stop", "hm\n"),
        new("think tags cut anywhere", Say("<th") + Say("ink>h") + Say("m</thi") + Say("nk") + Say(">H") + Say("i") + Stop + Done,
            "Hi", "stop", "hm"),
        new("think tags escaped (Go)", Say(@"\u003cthink\u003ehm\u003c/think\u003eHi") + Stop + Done, "Hi", "stop", "hm"),
        new("think tags in parts", Parts("""{"type":"text","text":"<think>hm</thi"}""") + Parts(
            """{"type":"text","text":"nk>Hi"}""") + Stop + Done, "Hi", "stop", "hm"),
        new("think tags behind white space", Say("\\n ") + Say("<think>hm</think> Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("think tags in capitals", Say("<THINK>hm</Think>Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("thinking tags", Say("<thinking>h") + Say("m</thinking>") + Say("Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("thought tags (Gemini)", Say("<thought>hm") + Say("</thought>Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("[THINK] tags (Magistral)", Say("[THI") + Say("NK]hm[/THINK]Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("empty think tags (Qwen)", Say("<think>\\n\\n</think>\\n\\n") + Say("Hi") + Stop + Done, "Hi", "stop"),
        new("a tag inside of the thinking", Say("<think>is it </thin> or <b>?</think>Hi") + Stop + Done, "Hi", "stop",
            "is it </thin> or <b>?"),
        new("thinking that never ends", Say("<think>hm") + Say(" hm</th") + End("length") + Done, "", "length", "hm hm</th"),
        new("tags behind the thinking are text", Say("<think>hm</think>Use <think>.") + Stop + Done, "Use <think>.", "stop", "hm"),
        new("two blocks of thinking", Say("<think>h</think>\\n<thi") + Say("nk>m</think>\\n") + Say("Hi") + Stop + Done, "Hi", "stop", "hm"),
        new("thinking cut off", Say("<think>hm"), "", Dialect.Cut, "hm"),
        new("thinking with an emoji split", Say(@"<think>\ud83d") + Say(@"\ude00</think>H") + Say(@"i\ud83d") + Say(@"\ude00") + Stop
            + Done, "Hi😀", "stop", "😀"),
        new("think tags with the role", Delta("""{"role":"assistant","content":"<think>"}""") + Say("hm</think>Hi") + Stop + Done,
            "Hi", "stop", "hm"),
        new("no opening tag (DeepSeek-R1)", Say("h") + Say("m</thi") + Say("nk>\\n\\n") + Say("Hi") + Stop + Done, "Hi", "stop", "hm",
            BeginsThinking: true),
        new("no opening tag expected, but there", Say("<think>hm") + Say("</think>") + Say("Hi") + Stop + Done, "Hi", "stop", "hm",
            BeginsThinking: true),
        new("no opening tag, fields instead", Think("hm") + Say("</think>Hi") + Stop + Done, "Hi", "stop", "hm",
            BeginsThinking: true),
    ];

    private static Dialect[] Counts()
    {
        const string three = """{"prompt_tokens":3,"completion_tokens":2}""";
        return
        [
            new("usage in an event of its own", Say("Hi") + Stop + Usage(
                """{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}""") + Done, "Hi", "stop", Usage: "3/2/5"),
            new("usage with the finish reason", Say("Hi") + Event(
                $$"""{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{{three}}}""") + Done, "Hi", "stop", Usage: "3/2/5"),
            new("usage before the choices", Say("Hi") + Event(
                $$"""{"usage":{{three}},"choices":[{"delta":{},"finish_reason":"stop"}]}""") + Done, "Hi", "stop", Usage: "3/2/5"),
            new("usage growing in every event", Event(
                """{"choices":[{"delta":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}""") + Event(
                $$"""{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{{three}}}""") + Done, "Hi", "stop", Usage: "3/2/5"),
            new("usage in the choice (Moonshot)", Say("Hi") + Choices(
                $$"""{"delta":{},"finish_reason":"stop","usage":{{three}}}""") + Done, "Hi", "stop", Usage: "3/2/5"),
            new("usage with details", Say("Hi") + Stop + Usage(
                """{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"completion_tokens_details":{"reasoning_tokens":1}}""")
                + Done, "Hi", "stop", Usage: "3/2/5"),
            new("usage with a decimal point", Say("Hi") + Stop + Usage("""{"prompt_tokens":3.0,"completion_tokens":2.0}""") + Done,
                "Hi", "stop", Usage: "3/2/5"),
            new("usage too large", Say("Hi") + Stop + Usage("""{"prompt_tokens":3,"completion_tokens":1e12}""") + Done, "Hi", "stop",
                Usage: string.Create(CultureInfo.InvariantCulture, $"3/{int.MaxValue}/{int.MaxValue}")),
            new("usage below zero", Say("Hi") + Stop + Usage("""{"prompt_tokens":3,"completion_tokens":-2}""") + Done, "Hi", "stop",
                Usage: "3/0/3"),
            new("one count null", Say("Hi") + Stop + Usage("""{"prompt_tokens":3,"completion_tokens":null}""") + Done, "Hi", "stop",
                Usage: "3/0/3"),
            new("counts null", Say("Hi") + Stop + Usage("""{"prompt_tokens":null,"completion_tokens":null}""") + Done, "Hi", "stop"),
            new("counts as words", Say("Hi") + Stop + Usage("""{"prompt_tokens":"many","completion_tokens":[]}""") + Done, "Hi",
                "stop"),
            new("usage null", Say("Hi") + Stop + Usage("null") + Done, "Hi", "stop"),
            new("usage a number", Say("Hi") + Stop + Usage("7") + Done, "Hi", "stop"),
            new("usage a list", Say("Hi") + Stop + Usage("[3,2]") + Done, "Hi", "stop"),
        ];
    }

    private static Dialect[] Errors() =>
    [
        new("error object", Say("Hi") + Event("""{"error":{"message":"boom","code":500}}""") + Done, "Hi", "error: boom"),
        new("error object first", Event("""{"error":{"message":"boom","type":"server_error","param":null,"code":null}}""") + Done, "",
            "error: boom"),
        new("error string (TGI)", Say("Hi") + Event("""{"error":"boom","error_type":"generation"}"""), "Hi", "error: boom"),
        new("object error, then [DONE] (vLLM)", Say("Hi") + Event(
            """{"object":"error","message":"boom","type":"BadRequestError","param":null,"code":400}""") + Done, "Hi", "error: boom"),
        new("object error first (SGLang)", Event("""{"object":"error","message":"boom","code":500}""") + Done, "", "error: boom"),
        new("error around an error", Say("Hi") + Event("""{"error":{"error":{"message":"boom"}}}"""), "Hi", "error: boom"),
        new("error in the choice (OpenRouter)", Say("Hi") + Choices(
            """{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null,"error":{"code":502,"message":"boom"}}""")
            + Done, "Hi", "error: boom"),
        new("error beside the choices (OpenRouter)", Say("Hi") + Event(
            """{"error":{"code":502,"message":"boom"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}""") + Done,
            "Hi", "error: boom"),
        new("finish reason error (Mistral)", Say("Hi") + End("error") + Done, "Hi",
            "error: The answer ended with the reason 'error'."),
        new("finish reason abort (SGLang)", Say("Hi") + End("abort") + Done, "Hi",
            "error: The answer ended with the reason 'abort'."),
        new("out of resources (DeepSeek)", Say("Hi") + End("insufficient_system_resource") + Done, "Hi",
            "error: The answer ended with the reason 'insufficient_system_resource'."),
        new("event: error", Say("Hi") + "event: error\n" + Event("""{"message":"boom"}"""), "Hi", "error: boom"),
        new("event: error with words", Say("Hi") + "event: error\n" + Event("boom"), "Hi", "error: boom"),
        new("event: error, data first", Say("Hi") + "data: {\"message\":\"boom\"}\nevent: error\n\n", "Hi", "error: boom"),
        new("error: field (llama.cpp)", Say("Hi") + "error: {\"code\":500,\"message\":\"boom\"}\n\n", "Hi", "error: boom"),
        new("detail (FastAPI)", Say("Hi") + Event("""{"detail":"boom"}"""), "Hi", "error: boom"),
        new("list of details (FastAPI)", Event("""{"detail":[{"loc":["body"],"msg":"boom","type":"value_error"}]}"""), "",
            "error: boom"),
        new("message alone (a proxy)", Say("Hi") + Event("""{"message":"boom"}"""), "Hi", "error: boom"),
        new("code and msg", Say("Hi") + Event("""{"code":50001,"msg":"boom"}"""), "Hi", "error: boom"),
        new("text and error_code (FastChat)", Say("Hi") + Event("""{"text":"boom","error_code":50001}"""), "Hi", "error: boom"),
        new("error_msg (Qianfan)", Event("""{"error_code":336003,"error_msg":"boom","id":"x"}"""), "", "error: boom"),
        new("list of errors (Cloudflare)", Event("""{"success":false,"errors":[{"code":7009,"message":"boom"}],"result":null}"""), "",
            "error: boom"),
        new("list with an error (Gemini)", Say("Hi") + Event("""[{"error":{"code":503,"message":"boom","status":"UNAVAILABLE"}}]"""),
            "Hi", "error: boom"),
        new("error without its event", Say("Hi") + "{\"error\":{\"message\":\"boom\"}}\n", "Hi", "error: boom"),
        new("error with U+0000", Say("Hi") + Event("""{"error":{"message":"bo\u0000om"}}"""), "Hi", "error: bo\uFFFDom"),
        new("error after the finish reason", Say("Hi") + Stop + Event("""{"error":{"message":"boom"}}""") + Done, "Hi",
            "error: boom"),
        new("error null beside text", Event("""{"error":null,"choices":[{"delta":{"content":"Hi"}}]}""") + Stop + Done, "Hi", "stop"),
        new("error empty beside text", Event("""{"error":"","choices":[{"delta":{"content":"Hi"}}]}""") + Stop + Done, "Hi", "stop"),
        new("error while thinking", Think("hm") + Event("""{"error":{"message":"boom"}}"""), "", "error: boom", "hm"),
        new("garbage", Say("Hi") + Event("<html>502</html>"), "Hi", Dialect.Cut),
        new("JSON that is no object", Say("Hi") + Event("7"), "Hi", Dialect.Cut),
    ];

    private static Dialect[] Bodies() =>
    [
        new("whole answer instead of a stream", Whole, "Hi", "stop", ContentType: "application/json"),
        new("whole answer, printed over lines", Whole.Replace(",", ",\r\n  ", StringComparison.Ordinal), "Hi", "stop",
            ContentType: "application/json"),
        new("whole answer with a BOM", "\uFEFF" + Whole + "\n", "Hi", "stop", ContentType: "application/json; charset=utf-8"),
        new("whole answer as text", Whole, "Hi", "stop", ContentType: "text/plain"),
        new("whole answer as an event stream", Whole, "Hi", "stop"),
        new("whole answer without a type", Whole, "Hi", "stop", ContentType: ""),
        new("whole answer with usage", Completion("""{"content":"Hi"}""", more:
            ""","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"""), "Hi", "stop", Usage: "3/2/5",
            ContentType: "application/json"),
        new("whole answer with think tags", Completion("""{"content":"<think>\nhm</think>\n\nHi"}"""), "Hi", "stop", "hm",
            ContentType: "application/json"),
        new("whole answer with reasoning", Completion("""{"reasoning_content":"hm","content":"Hi"}"""), "Hi", "stop", "hm",
            ContentType: "application/json"),
        new("whole answer in parts", Completion("""{"content":[{"type":"text","text":"H"},{"type":"text","text":"i"}]}"""), "Hi",
            "stop", ContentType: "application/json"),
        new("whole answer without a reason", Completion("""{"content":"Hi"}""", "null"), "Hi", "stop",
            ContentType: "application/json"),
        new("whole empty answer without a reason", Completion("""{"content":""}""", "null"), "", Dialect.Cut,
            ContentType: "application/json"),
        new("whole answer cut off", Whole[..^20], "", Dialect.Cut, ContentType: "application/json"),
        new("error with status 200", """{"error":{"message":"boom","type":"x"}}""", "", "error: boom",
            ContentType: "application/json"),
        new("error string with status 200", """{"error":"boom"}""", "", "error: boom", ContentType: "application/json"),
        new("object error with status 200", """{"object":"error","message":"boom","code":40303}""", "", "error: boom",
            ContentType: "application/json"),
        new("detail with status 200", """{"detail":"boom"}""", "", "error: boom", ContentType: "application/json"),
        new("message with status 200", """{"message":"boom","request_id":"r"}""", "", "error: boom", ContentType: "application/json"),
        new("error as an event stream without events", """{"error":{"message":"boom"}}""", "", "error: boom"),
        new("lines of JSON", string.Concat(HiStopDone.Replace("data: ", "", StringComparison.Ordinal)
            .Replace("\n\n", "\n", StringComparison.Ordinal)), "Hi", "stop", ContentType: "application/x-ndjson"),
        new("lines of JSON (Ollama)",
            """{"model":"m","created_at":"t","message":{"role":"assistant","content":"H"},"done":false}""" + "\n" +
            """{"model":"m","created_at":"t","message":{"role":"assistant","content":"i"},"done":false}""" + "\n" +
            """{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}""" + "\n",
            "Hi", "stop", Usage: "3/2/5", ContentType: "application/x-ndjson"),
        new("lines of JSON with thinking (Ollama)",
            """{"message":{"role":"assistant","content":"","thinking":"hm"},"done":false}""" + "\n" +
            """{"message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"length"}""", "Hi", "length", "hm",
            ContentType: "application/x-ndjson"),
        new("one object (Ollama)", """{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true}""", "Hi", "stop",
            ContentType: "application/json"),
        new("error line (Ollama)",
            """{"message":{"role":"assistant","content":"Hi"},"done":false}""" + "\n" + """{"error":"boom"}""" + "\n", "Hi",
            "error: boom", ContentType: "application/x-ndjson"),
        new("lines of JSON cut off", """{"message":{"role":"assistant","content":"Hi"},"done":false}""" + "\n{\"mess", "Hi",
            Dialect.Cut, ContentType: "application/x-ndjson"),
        new("events as plain text", HiStopDone, "Hi", "stop", ContentType: "text/plain; charset=utf-8"),
        new("events as JSON", HiStopDone, "Hi", "stop", ContentType: "application/json"),
        new("events without a type", HiStopDone, "Hi", "stop", ContentType: ""),
        new("events in capitals", HiStopDone, "Hi", "stop", ContentType: "Text/Event-Stream"),
        new("a page instead of an answer", "<html>Sign in</html>", "", Dialect.Cut, ContentType: "text/html"),
        new("a large answer in one event", Say(new string('x', 300_000)) + Stop + Done, new string('x', 300_000), "stop"),
        new("a large answer at once", Completion($$"""{"content":"{{new string('学', 90_000)}}"}"""), new string('学', 90_000), "stop",
            ContentType: "application/json"),
    ];
}
