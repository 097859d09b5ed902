using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>
/// Reads the events of one streamed chat completion, whatever server it comes from, each in one forward pass that
/// allocates nothing but the strings that are asked for: it looks at every token of every stream. Members are matched
/// by their place, so that a server's extra members cannot be mistaken for ours; a member of the wrong type is not
/// there. Reasoning is never text. Besides OpenAI's shape it knows a message instead of a delta, and Ollama's own.
/// One reader per stream: it keeps what a piece of text was cut amid until the next comes.
/// </summary>
/// <param name="thinking">Our engines' streams have it in fields; other servers' perhaps in tags.</param>
public sealed class CompletionReader(TextAs text, ThinkingIn thinking = ThinkingIn.Fields)
{
    private const int MaxChoices = 128; // as many as OpenAI gives; what more there is is not read
    private const int MaxReason = 64;   // characters of a finish reason

    // What servers call the end of an answer that they failed to write: OpenRouter, Mistral; DeepSeek; vLLM, SGLang.
    private static readonly string[] Failures =
    [
        "error", "insufficient_system_resource", "abort", "aborted", "cancelled", "canceled", "failed", "timeout",
        "internal_error", "server_error",
    ];

    private readonly List<Choice> _choices = []; // by index
    private readonly List<ChangedChoice> _changed = [];
    private string? _model;
    private int? _main; // the index of the choice that is the answer: the first one seen

    /// <summary>
    /// As <see cref="TextAs.Nothing"/>: the choices of the event read last that are to be relayed otherwise than they
    /// stand there, because they have content in parts, reasoning between tags, or a whole message.
    /// </summary>
    public IReadOnlyList<ChangedChoice> Changed => _changed;

    /// <summary>Every choice that began has ended with a reason of its own.</summary>
    public bool HasEnded => _choices.Count > 0 && _choices.TrueForAll(choice => choice.HasEnded || !choice.HasBegun)
        && _choices.Exists(choice => choice.HasEnded);

    /// <param name="data">An event's data; empty for a comment.</param>
    /// <param name="isError">The event names itself an error.</param>
    /// <exception cref="MalformedStreamException">Neither a JSON object nor <c>[DONE]</c>.</exception>
    public CompletionChunk Read(ReadOnlySpan<byte> data, bool isError = false)
    {
        var chunk = new CompletionChunk();
        _changed.Clear();
        if (data.IsEmpty)
            return chunk;
        if (data.Length < 16 && data.Trim((byte)' ').SequenceEqual("[DONE]"u8))
            return chunk with { IsDone = true };
        if (isError && data[0] is not ((byte)'{' or (byte)'['))
            return chunk with { Error = new(0, EngineError.Unknown, JsonText.Plain(data)) };
        Read(data, ref chunk, isError);
        return chunk;
    }

    /// <summary>Nothing follows: what was held back of the answer, because its next piece could have changed it.</summary>
    public CompletionChunk End()
    {
        var rest = new CompletionChunk();
        if (_main is { } main)
            End(Of(main), ref rest);
        return rest;
    }

    /// <summary>Likewise, of each choice that has begun.</summary>
    public IReadOnlyList<EndedChoice> EndAll()
    {
        var ended = new List<EndedChoice>();
        for (var index = 0; index < _choices.Count; index++)
        {
            var (choice, rest) = (_choices[index], new CompletionChunk());
            End(choice, ref rest);
            if (choice.HasBegun)
                ended.Add(new(index, rest.Text, rest.Thinking, choice.HasEnded));
        }
        return ended;
    }

    /// <summary>A whole completion, or the error that came in its place.</summary>
    /// <exception cref="MalformedStreamException">Not a JSON object.</exception>
    public static CompletionChunk ReadWhole(
        ReadOnlySpan<byte> json, TextAs text = TextAs.Decoded, ThinkingIn thinking = ThinkingIn.Fields)
    {
        var reader = new CompletionReader(text, thinking);
        var chunk = reader.Read(json);
        if (reader.End().Text is { } rest)
            chunk.Text += rest;
        return chunk;
    }

    private void Read(ReadOnlySpan<byte> data, ref CompletionChunk chunk, bool isError)
    {
        try
        {
            var json = new Utf8JsonReader(data);
            json.Read();
            if (json.TokenType is JsonTokenType.StartArray)
                json.Read(); // Gemini gives an error as a list of one
            if (json.TokenType is not JsonTokenType.StartObject)
                throw new MalformedStreamException("A chunk must be an object.");
            var own = default(OllamaMembers);
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                // By length first: most members are none of ours. (An escaped name is none either.)
                switch (json.ValueSpan.Length)
                {
                    case 7 when json.ValueTextEquals("choices"u8):
                        ReadChoices(ref json, ref chunk);
                        break;
                    case 5 when json.ValueTextEquals("error"u8):
                        ReadError(ref json, ref chunk);
                        break;
                    case 5 when json.ValueTextEquals("usage"u8):
                        ReadUsage(ref json, ref chunk);
                        break;
                    case 5 when text is TextAs.Decoded && json.ValueTextEquals("model"u8):
                        ReadModel(ref json, ref chunk);
                        break;
                    case 6 when json.ValueTextEquals("object"u8):
                        isError |= Enter(ref json, JsonTokenType.String) && json.ValueTextEquals("error"u8);
                        break;
                    case 10 when json.ValueTextEquals("error_code"u8):
                        isError |= Enter(ref json, JsonTokenType.Number) && !json.ValueSpan.SequenceEqual("0"u8);
                        break;
                    case 6 when json.ValueTextEquals("detail"u8) || json.ValueTextEquals("errors"u8):
                    case 3 when json.ValueTextEquals("msg"u8):
                        isError |= json.Read() && IsSomething(ref json);
                        break;
                    case 7 when json.ValueTextEquals("message"u8):
                        json.Read();
                        isError |= json.TokenType is JsonTokenType.String && IsSomething(ref json);
                        own.Message = json.TokenType is JsonTokenType.StartObject ? json : default;
                        break;
                    default:
                        if (!own.TryRead(ref json))
                            json.Read();
                        break;
                }
                json.Skip(); // what is left of the value
            }
            // Trailing bytes after the object are a fault that only the next read finds.
            json.Read();
            if (!chunk.HasChoice && own.IsChoice)
            {
                chunk.HasChoice = true;
                Say(ref own.Message, ref chunk, index: 0, place: 0, own.Finish, Piece.Ollama);
                chunk.Usage ??= own.Usage;
            }
            if (isError && chunk is { Error: null, HasChoice: false })
                chunk.Error = ReadErrorObject(data);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperation: a name with an escape that is half of a surrogate pair.
            throw new MalformedStreamException("An event is no JSON.", e);
        }
    }

    private void ReadChoices(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        if (!Enter(ref json, JsonTokenType.StartArray))
            return;
        for (var place = 0; json.Read() && json.TokenType is not JsonTokenType.EndArray; place++)
        {
            if (json.TokenType is JsonTokenType.StartObject)
                ReadChoice(ref json, ref chunk, place);
            else
                json.Skip();
        }
    }

    private void ReadChoice(ref Utf8JsonReader json, ref CompletionChunk chunk, int place)
    {
        chunk.HasChoice = true;
        var (index, finish) = (place, (string?)null);
        // What is said is read last: the members come in any order, and whose it is says the index.
        Utf8JsonReader delta = default, message = default;
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            switch (json.ValueSpan.Length)
            {
                case 5 when json.ValueTextEquals("delta"u8):
                    delta = Enter(ref json, JsonTokenType.StartObject) ? json : default;
                    break;
                case 7 when json.ValueTextEquals("message"u8):
                    message = Enter(ref json, JsonTokenType.StartObject) ? json : default;
                    break;
                case 5 when json.ValueTextEquals("index"u8):
                    index = Enter(ref json, JsonTokenType.Number) && json.TryGetInt32(out var said) ? said : place;
                    break;
                case 13 when json.ValueTextEquals("finish_reason"u8):
                    finish = ReadFinish(ref json, ref chunk);
                    break;
                case 5 when json.ValueTextEquals("error"u8):
                    ReadError(ref json, ref chunk);
                    break;
                case 5 when json.ValueTextEquals("usage"u8):
                    ReadUsage(ref json, ref chunk); // Moonshot's place for it
                    break;
                default:
                    json.Read();
                    break;
            }
            json.Skip();
        }
        if (index is < 0 or >= MaxChoices)
            return;
        // Beside a delta (Perplexity), or behind what was streamed, a message is all that was said once more.
        var isWhole = message.TokenType is JsonTokenType.StartObject && delta.TokenType is JsonTokenType.None
            && !Of(index).HasBegun;
        if (isWhole)
            Say(ref message, ref chunk, index, place, finish, Piece.Whole);
        else
            Say(ref delta, ref chunk, index, place, finish, Piece.Delta);
    }

    /// <summary>Reads what a choice says; of others than the answer's no more than that they do.</summary>
    private void Say(
        ref Utf8JsonReader json, ref CompletionChunk chunk, int index, int place, string? finish, Piece piece)
    {
        var (choice, isMain) = (Of(index), index == (_main ??= index));
        var (said, isChanged) = (new CompletionChunk(), false);
        if (json.TokenType is JsonTokenType.StartObject)
            isChanged = ReadMessage(ref json, ref said, choice, isMain ? HowToGive(chunk, piece) : TextAs.Nothing);
        choice.HasBegun |= said.HasToken;
        if (finish is not null || (piece is Piece.Whole && said.HasToken))
        {
            choice.HasEnded = true;
            isChanged |= End(choice, ref said);
        }
        if ((isChanged || piece is not Piece.Delta) && text is TextAs.Nothing)
            _changed.Add(new(place, said.Text, said.Thinking, IsWholeAlone: !isChanged));
        chunk.HasToken |= said.HasToken;
        chunk.TokenBytes += said.TokenBytes;
        if (!isMain)
            return;
        if (said.Text is not null)
            chunk.Text += said.Text;
        if (said.Thinking is not null)
            chunk.Thinking += said.Thinking;
        if (!said.Raw.Equals(default))
            (chunk.Raw, chunk.IsRawEscaped) = (said.Raw, said.IsRawEscaped);
        chunk.FinishReason = finish ?? chunk.FinishReason;
    }

    /// <summary>An event has room for one piece as it stands; a choice may be in it twice.</summary>
    private TextAs HowToGive(CompletionChunk chunk, Piece piece) =>
        piece is Piece.Ollama || (text is TextAs.Raw && !chunk.Raw.Equals(default)) ? TextAs.Decoded : text;

    /// <returns>Whether what it says is to be said otherwise than it stands there.</returns>
    private static bool ReadMessage(ref Utf8JsonReader json, ref CompletionChunk chunk, Choice choice, TextAs text)
    {
        ReadOnlySpan<byte> thought = default, refusal = default;
        Utf8JsonReader details = default;
        var (isChanged, hasContent) = (false, false);
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("content"u8))
            {
                json.Read();
                if (json.TokenType is JsonTokenType.String && json.ValueSpan.Length > 0)
                    isChanged |= ReadText(ref json, ref chunk, choice, text);
                else if (json.TokenType is JsonTokenType.StartArray)
                    isChanged |= ReadParts(ref json, ref chunk, choice);
                hasContent |= chunk.HasToken;
            }
            else if (json.ValueTextEquals("role"u8))
            {
                json.Read();
            }
            else if (IsThinking(ref json))
            {
                // The first counts: servers repeat it under the other names.
                json.Read();
                if (json.TokenType is JsonTokenType.String && thought.IsEmpty)
                    thought = json.ValueSpan;
            }
            else if (json.ValueTextEquals("reasoning_details"u8))
            {
                json.Read();
                details = json.TokenType is JsonTokenType.StartArray ? json : default;
            }
            else if (json.ValueTextEquals("refusal"u8))
            {
                json.Read();
                refusal = json.TokenType is JsonTokenType.String ? json.ValueSpan : default;
            }
            else
            {
                var isCall = json.ValueTextEquals("function_call"u8);
                json.Read();
                if (json.TokenType is JsonTokenType.String)
                    CountToken(ref chunk, json.ValueSpan.Length);
                else if (json.TokenType == (isCall ? JsonTokenType.StartObject : JsonTokenType.StartArray))
                    CountStrings(ref json, ref chunk);
            }
            json.Skip();
        }
        CountToken(ref chunk, refusal.Length);
        if (!hasContent && text is not TextAs.Nothing && !refusal.IsEmpty)
            chunk.Text += JsonText.Read(refusal, ref choice.Said); // it is what the model tells the person
        CountToken(ref chunk, thought.Length);
        if (!thought.IsEmpty && text is not TextAs.Nothing)
            chunk.Thinking += JsonText.Read(thought, ref choice.Thought);
        else if (thought.IsEmpty && details.TokenType is JsonTokenType.StartArray)
            ReadThoughts(ref details, ref chunk, choice, text);
        return isChanged;
    }

    private static bool IsThinking(ref Utf8JsonReader json) => json.ValueSpan.Length switch
    {
        17 => json.ValueTextEquals("reasoning_content"u8),
        9 => json.ValueTextEquals("reasoning"u8),
        8 => json.ValueTextEquals("thinking"u8),
        _ => false,
    };

    private static bool ReadText(ref Utf8JsonReader json, ref CompletionChunk chunk, Choice choice, TextAs text)
    {
        var raw = json.ValueSpan;
        CountToken(ref chunk, raw.Length);
        if (choice.Tags is { IsPast: false } tags)
        {
            var wasCut = !choice.Said.IsNone;
            var piece = JsonText.Read(raw, ref choice.Said);
            return Take(piece, tags, ref chunk) || wasCut || !choice.Said.IsNone;
        }
        if (text is TextAs.Raw && choice.Said.IsNone && JsonText.EndsAmid(raw) == 0)
        {
            var start = (int)json.TokenStartIndex + 1;
            chunk.Raw = new Range(start, start + raw.Length);
            chunk.IsRawEscaped = json.ValueIsEscaped;
        }
        else if (text is not TextAs.Nothing || !choice.Said.IsNone)
        {
            chunk.Text += JsonText.Read(raw, ref choice.Said);
            return true;
        }
        return false;
    }

    /// <returns>Whether not all of the piece is text.</returns>
    private static bool Take(string piece, ThinkingTags tags, ref CompletionChunk chunk)
    {
        var (said, thought) = tags.Read(piece);
        if (said.Length > 0)
            chunk.Text += said;
        if (thought.Length > 0)
            chunk.Thinking += thought;
        return said != piece;
    }

    /// <summary>Content as a list of parts. A part's members come in any order.</summary>
    private static bool ReadParts(ref Utf8JsonReader json, ref CompletionChunk chunk, Choice choice)
    {
        while (json.Read() && json.TokenType is not JsonTokenType.EndArray)
        {
            if (json.TokenType is JsonTokenType.String)
                SayPart(json.ValueSpan, ref chunk, choice);
            if (json.TokenType is not JsonTokenType.StartObject)
            {
                json.Skip();
                continue;
            }
            var (isText, isThinking) = (true, false);
            ReadOnlySpan<byte> part = default;
            Utf8JsonReader thoughts = default;
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals("type"u8))
                {
                    isText = Enter(ref json, JsonTokenType.String)
                        && (json.ValueTextEquals("text"u8) || json.ValueTextEquals("output_text"u8));
                    isThinking = json.TokenType is JsonTokenType.String
                        && (json.ValueTextEquals("thinking"u8) || json.ValueTextEquals("reasoning"u8));
                }
                else if (json.ValueTextEquals("text"u8) || IsThinking(ref json))
                {
                    json.Read();
                    if (json.TokenType is JsonTokenType.String)
                        part = json.ValueSpan;
                    else if (json.TokenType is JsonTokenType.StartArray)
                        thoughts = json; // Mistral
                }
                else
                {
                    json.Read();
                }
                json.Skip();
            }
            if (isThinking)
            {
                CountToken(ref chunk, part.Length);
                if (!part.IsEmpty)
                    chunk.Thinking += JsonText.Read(part, ref choice.Thought);
                else if (thoughts.TokenType is JsonTokenType.StartArray)
                    ReadThoughts(ref thoughts, ref chunk, choice, TextAs.Decoded);
            }
            else if (isText)
            {
                SayPart(part, ref chunk, choice);
            }
        }
        return true;
    }

    private static void SayPart(ReadOnlySpan<byte> part, ref CompletionChunk chunk, Choice choice)
    {
        CountToken(ref chunk, part.Length);
        if (part.IsEmpty)
            return;
        var said = JsonText.Read(part, ref choice.Said);
        if (choice.Tags is { IsPast: false } tags)
            Take(said, tags, ref chunk);
        else
            chunk.Text += said;
    }

    /// <summary>A list of reasoning in parts, as OpenRouter and Mistral have it; what is encrypted is none.</summary>
    private static void ReadThoughts(
        ref Utf8JsonReader json, ref CompletionChunk chunk, Choice choice, TextAs text)
    {
        for (var depth = json.CurrentDepth; json.Read() && json.CurrentDepth > depth;)
        {
            if (json.TokenType is not JsonTokenType.PropertyName)
                continue;
            var isThought = json.ValueTextEquals("text"u8) || json.ValueTextEquals("summary"u8);
            json.Read();
            if (!isThought || json.TokenType is not JsonTokenType.String)
                continue;
            CountToken(ref chunk, json.ValueSpan.Length);
            if (text is not TextAs.Nothing)
                chunk.Thinking += JsonText.Read(json.ValueSpan, ref choice.Thought);
        }
    }

    /// <summary>Nothing of the choice follows: what was held back of it.</summary>
    private static bool End(Choice choice, ref CompletionChunk said)
    {
        var (held, thought) = choice.Tags is { IsPast: false } tags ? tags.End() : ("", "");
        held += choice.Said.Take();
        thought += choice.Thought.Take();
        if (held.Length > 0)
            said.Text += held;
        if (thought.Length > 0)
            said.Thinking += thought;
        return held.Length + thought.Length > 0;
    }

    private Choice Of(int index)
    {
        while (_choices.Count <= index)
        {
            _choices.Add(new(thinking switch
            {
                ThinkingIn.Tags => new(isOpen: false), ThinkingIn.OpenTag => new(isOpen: true), _ => null,
            }));
        }
        return _choices[index];
    }

    private static void CountToken(ref CompletionChunk chunk, int bytes)
    {
        chunk.HasToken |= bytes > 0;
        chunk.TokenBytes += bytes;
    }

    private static void CountStrings(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        for (var depth = json.CurrentDepth; json.Read() && json.CurrentDepth > depth;)
        {
            if (json.TokenType is JsonTokenType.String)
                CountToken(ref chunk, json.ValueSpan.Length);
        }
    }

    private static string? ReadFinish(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        json.Read();
        if (json.TokenType is not JsonTokenType.String || json.ValueSpan.IsEmpty)
            return null; // null in every chunk but the last; empty with some servers
        var reason = JsonText.Read(json.ValueSpan);
        if (reason.Length > MaxReason)
            reason = reason[..MaxReason];
        if (!Failures.Contains(reason))
            return reason;
        chunk.Error ??= new(0, EngineError.Unknown, $"The answer ended with the reason '{reason}'.");
        return null;
    }

    private void ReadModel(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        json.Read();
        if (json.TokenType is not JsonTokenType.String)
            return;
        if (_model is null || !json.ValueTextEquals(_model))
            _model = JsonText.Read(json.ValueSpan);
        chunk.Model = _model;
    }

    private static void ReadUsage(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        if (!Enter(ref json, JsonTokenType.StartObject))
            return; // null in every chunk but the last
        int? prompt = null, completion = null, total = null;
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("prompt_tokens"u8))
                ReadCount(ref json, ref prompt);
            else if (json.ValueTextEquals("completion_tokens"u8))
                ReadCount(ref json, ref completion);
            else if (json.ValueTextEquals("total_tokens"u8))
                ReadCount(ref json, ref total);
            else
                json.Read();
            json.Skip();
        }
        if ((prompt ?? completion ?? total) is null)
            return;
        var sum = (int)Math.Min(int.MaxValue, (long)(prompt ?? 0) + (completion ?? 0));
        chunk.Usage = new(prompt ?? 0, completion ?? 0, total is null or 0 ? sum : total.Value);
    }

    private static void ReadCount(ref Utf8JsonReader json, ref int? count)
    {
        json.Read();
        // As 12, 12.0 or 1.2e1, and never below 0.
        if (json.TokenType is JsonTokenType.Number && json.TryGetDouble(out var number))
            count = (int)Math.Clamp(number, 0, int.MaxValue);
    }

    private static void ReadError(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        json.Read();
        if (IsSomething(ref json))
            chunk.Error = EngineError.Of(JsonElement.ParseValue(ref json));
    }

    /// <summary>null, false, "" and [] beside an answer say that there was no error.</summary>
    private static bool IsSomething(ref Utf8JsonReader json) => json.TokenType switch
    {
        JsonTokenType.StartObject or JsonTokenType.True => true,
        JsonTokenType.String => json.ValueSpan.Length > 0,
        JsonTokenType.StartArray => HasItems(json),
        _ => false,
    };

    private static bool HasItems(Utf8JsonReader json) => json.Read() && json.TokenType is not JsonTokenType.EndArray;

    private static EngineError ReadErrorObject(ReadOnlySpan<byte> data)
    {
        var json = new Utf8JsonReader(data);
        return EngineError.Of(JsonElement.ParseValue(ref json));
    }

    /// <summary>Moves to the member's value; false if it is not of <paramref name="type"/>.</summary>
    private static bool Enter(ref Utf8JsonReader json, JsonTokenType type) => json.Read() && json.TokenType == type;

    /// <summary>What an event has of a choice.</summary>
    private enum Piece
    {
        Delta,
        Whole, // a message, all of it
        Ollama,
    }

    private sealed class Choice(ThinkingTags? tags)
    {
        /// <summary>Null: its text is text.</summary>
        public ThinkingTags? Tags { get; } = tags;

        public CutCharacter Said;
        public CutCharacter Thought;
        public bool HasBegun;
        public bool HasEnded;
    }

    /// <summary>What an answer's piece is in Ollama's own API, beside <c>message</c>.</summary>
    private ref struct OllamaMembers
    {
        public Utf8JsonReader Message;
        private bool _isDone;
        private string? _reason;
        private int? _prompt, _completion;

        public readonly bool IsChoice => Message.TokenType is JsonTokenType.StartObject || _isDone;

        public readonly string? Finish => _isDone ? _reason ?? "stop" : null;

        public readonly TokenUsage? Usage =>
            (_prompt ?? _completion) is null ? null : TokenUsage.Of(_prompt ?? 0, _completion ?? 0);

        public bool TryRead(ref Utf8JsonReader json)
        {
            switch (json.ValueSpan.Length)
            {
                case 4 when json.ValueTextEquals("done"u8):
                    _isDone = Enter(ref json, JsonTokenType.True);
                    return true;
                case 11 when json.ValueTextEquals("done_reason"u8):
                    _reason = Enter(ref json, JsonTokenType.String) && json.ValueSpan.Length > 0
                        ? JsonText.Read(json.ValueSpan) : null;
                    return true;
                case 17 when json.ValueTextEquals("prompt_eval_count"u8):
                    ReadCount(ref json, ref _prompt);
                    return true;
                case 10 when json.ValueTextEquals("eval_count"u8):
                    ReadCount(ref json, ref _completion);
                    return true;
                default:
                    return false;
            }
        }
    }
}
