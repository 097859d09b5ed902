using System.Globalization;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.StubModel;

/// <summary>
/// How one answer goes, read from <c>[[stub key=value …]]</c> inside the last user message over the server's defaults.
/// Negative counts mean never.
/// </summary>
public sealed partial record StubScript
{
    /// <summary>Tokens in the answer.</summary>
    public int Tokens { get; init; } = 20;

    /// <summary>Tokens per second; token i is sent at request + delays + i/rate. 0: as fast as the reader takes them.</summary>
    public double Rate { get; init; } = 50;

    /// <summary>Seed of <see cref="StubText"/>.</summary>
    public long Seed { get; init; }

    /// <summary>Every so many tokens end a sentence; 0: none does.</summary>
    public int Sentence { get; init; }

    /// <summary>Multi-byte and JSON-escaped tokens.</summary>
    public bool Unicode { get; init; }

    /// <summary>Non-ASCII characters are sent as JSON escapes, as Python's servers do.</summary>
    public bool Escape { get; init; }

    /// <summary>Lines end in CRLF, as some servers' do.</summary>
    public bool Crlf { get; init; }

    /// <summary>Wait before the response's headers.</summary>
    public int HeaderDelayMs { get; init; }

    /// <summary>Wait between the headers (with the role chunk) and the first token.</summary>
    public int FirstDelayMs { get; init; }

    /// <summary>Send a comment line every so often during the first delay; 0: never.</summary>
    public int CommentEveryMs { get; init; }

    /// <summary>Other than 200: answer with this status and an OpenAI error.</summary>
    public int Status { get; init; } = 200;

    /// <summary>Answer with 400, as Azure does where its content filter objects to the prompt.</summary>
    public bool PromptFiltered { get; init; }

    /// <summary>Seconds in the Retry-After header of an error status; negative: no such header.</summary>
    public int RetryAfter { get; init; } = -1;

    /// <summary>After this many tokens, an error event, then the end of the stream.</summary>
    public int FailAfter { get; init; } = -1;

    /// <summary>After this many tokens, silence on an open connection.</summary>
    public int StallAfter { get; init; } = -1;

    /// <summary>After this many tokens, the connection is reset.</summary>
    public int DropAfter { get; init; } = -1;

    /// <summary>After this many tokens, the response ends in order but without finish reason and [DONE].</summary>
    public int CutAfter { get; init; } = -1;

    /// <summary>After this many tokens, an event that is not JSON.</summary>
    public int GarbageAfter { get; init; } = -1;

    /// <summary>Only so many requests with this very message meet the fault (status, …_after); later ones go well. 0: all do.</summary>
    public int ValidationErrors { get; init; }

    /// <summary>The finish reason at the end.</summary>
    public string Finish { get; init; } = "stop";

    /// <summary>The function it calls before it answers, where it is offered; empty: none.</summary>
    public string Tool { get; init; } = "";

    /// <summary>The call's arguments, as sent: JSON without spaces, or anything else.</summary>
    public string ToolArgs { get; init; } = "{}";

    /// <summary>Calls of the function in the one answer.</summary>
    public int ToolCalls { get; init; } = 1;

    /// <summary>A request that offers tools is answered with 400.</summary>
    public bool RejectTools { get; init; }

    /// <summary>A request with a JSON schema is answered with 400.</summary>
    public bool RejectSchema { get; init; }

    /// <summary>A JSON schema is taken and not kept to.</summary>
    public bool IgnoreSchema { get; init; }

    /// <summary>The whole body as it is to be sent, in base64; empty: it is made of the other directives.</summary>
    public string Raw { get; init; } = "";

    /// <summary>The content type of <see cref="Raw"/>.</summary>
    public string Type { get; init; } = "text/event-stream";

    /// <summary>The connection is reset behind <see cref="Raw"/>.</summary>
    public bool Breaks { get; init; }

    /// <summary>Reads the directives of a message; unknown keys are refused, so that a typo cannot pass a test.</summary>
    /// <exception cref="FormatException">Unknown key or unreadable value.</exception>
    public static StubScript Parse(string message, StubScript defaults)
    {
        var script = defaults;
        foreach (Match pair in Directive().Matches(message).SelectMany(d => Pair().Matches(d.Groups[1].Value)))
        {
            var value = pair.Groups[2].Value;
            script = pair.Groups[1].Value switch
            {
                "tokens" => script with { Tokens = Int(value) },
                "rate" => script with { Rate = double.Parse(value, CultureInfo.InvariantCulture) },
                "seed" => script with { Seed = long.Parse(value, CultureInfo.InvariantCulture) },
                "sentence" => script with { Sentence = Int(value) },
                "unicode" => script with { Unicode = Int(value) != 0 },
                "escape" => script with { Escape = Int(value) != 0 },
                "crlf" => script with { Crlf = Int(value) != 0 },
                "header_delay_ms" => script with { HeaderDelayMs = Int(value) },
                "first_delay_ms" => script with { FirstDelayMs = Int(value) },
                "comment_every_ms" => script with { CommentEveryMs = Int(value) },
                "status" => script with { Status = Int(value) },
                "prompt_filtered" => script with { PromptFiltered = Int(value) != 0 },
                "retry_after" => script with { RetryAfter = Int(value) },
                "fail_after" => script with { FailAfter = Int(value) },
                "stall_after" => script with { StallAfter = Int(value) },
                "drop_after" => script with { DropAfter = Int(value) },
                "cut_after" => script with { CutAfter = Int(value) },
                "garbage_after" => script with { GarbageAfter = Int(value) },
                "faults" => script with { ValidationErrors = Int(value) },
                "finish" => script with { Finish = value },
                "tool" => script with { Tool = value },
                "tool_args" => script with { ToolArgs = value },
                "tool_calls" => script with { ToolCalls = Int(value) },
                "reject_tools" => script with { RejectTools = Int(value) != 0 },
                "reject_schema" => script with { RejectSchema = Int(value) != 0 },
                "raw" => script with { Raw = value },
                "type" => script with { Type = value },
                "breaks" => script with { Breaks = Int(value) != 0 },
                "ignore_schema" => script with { IgnoreSchema = Int(value) != 0 },
                var unknown => throw new FormatException($"unknown stub directive {unknown}"),
            };
        }
        return script;
    }

    /// <summary>The same answer without its faults.</summary>
    public StubScript Mended() =>
        this with { Status = 200, FailAfter = -1, StallAfter = -1, DropAfter = -1, CutAfter = -1, GarbageAfter = -1 };

    private static int Int(string value) => int.Parse(value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\[\[stub\s+([^\]]*)\]\]")]
    private static partial Regex Directive();

    [GeneratedRegex(@"([a-z_]+)=(\S+)")]
    private static partial Regex Pair();
}
