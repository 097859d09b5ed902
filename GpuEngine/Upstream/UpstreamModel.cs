using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// Any OpenAI-compatible server as a model. Streamed answers are relayed event by event as bytes; each is parsed once,
/// to tell tokens from comments and an answer's end from a broken connection. Only events that a client of OpenAI's
/// API would misunderstand are written anew (<see cref="RelayedEvent"/>).
/// </summary>
internal sealed class UpstreamModel(
    UpstreamClient client, UpstreamModels models, IOptions<LlmOptions> llm, TimeProvider time) : IRelayingModel
{
    private const string Completions = "/chat/completions";
    private const int MaxWhole = 16 * 1024 * 1024;

    private readonly ThinkingIn _thinking = llm.Value.Thinking;

    public string Kind => "language_model";

    public bool TakesImages { get; } = llm.Value.Vision;

    public ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel) => models.ListAsync(cancel);

    public ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel) => models.ResolveAsync(requested, cancel);

    public async Task StreamAsync(ChatRequest request, string model, AnswerStream output, CancellationToken cancel)
    {
        using var response = await output.WaitAsync(new ValueTask<HttpResponseMessage>(
            client.PostAsync(Completions, UpstreamBody.For(request, model), cancel)));
        var answer = new CompletionStream(await OpenAsync(response, cancel), TextAs.Nothing, _thinking);
        var relay = new Relay(model, answer);
        while (await output.WaitAsync(ReadAsync(answer, cancel)))
        {
            var failure = relay.Take(out var tokens);
            output.Counted(answer.Usage);
            if (tokens > 0)
            {
                output.TokensArrived(tokens);
            }
            if (!relay.Events.IsEmpty)
            {
                await output.WriteAsync(relay.Events);
            }
            if (failure is not null)
            {
                throw failure;
            }
        }
        await output.WriteAsync(relay.End());
    }

    public async Task<GenerationEnd> WriteAsync(ChatRequest request, string model, IGenerationSink output, CancellationToken cancel)
    {
        // Its usage settles what was reserved for it, whether or not its reader wants to know.
        var body = request.IncludeUsage
            ? UpstreamBody.For(request, model) : UpstreamBody.For(request, model, stream: true, countTokens: true);
        using var response = await client.PostAsync(Completions, body, cancel);
        request.Body = default; // the answer takes minutes
        var answer = new CompletionStream(await OpenAsync(response, cancel), TextAs.Raw, _thinking);
        while (await ReadAsync(answer, cancel))
        {
            if (!Append(answer, output))
            {
                return GenerationEnd.Full;
            }
        }
        var rest = answer.Rest();
        output.Thinking.Append(rest.Thinking);
        if (!output.Text.Append(rest.Text))
        {
            return GenerationEnd.Full;
        }
        return new GenerationEnd(answer.End ?? throw Cut(), answer.Usage);
    }

    public async Task<ReadOnlyMemory<byte>> WholeAsync(ChatRequest request, string model, CancellationToken cancel)
    {
        using var response = await client.PostAsync(Completions, UpstreamBody.For(request, model), cancel);
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxWhole, cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
        {
            throw UpstreamErrors.Broken("sent an answer that cannot be read", e);
        }
        var body = await response.Content.ReadAsByteArrayAsync(cancel);
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        var json = body.AsMemory(body.AsSpan().StartsWith(mark) ? mark.Length : 0);
        return Whole(json, model) ?? await GatherAsync(body, model, cancel);
    }

    public async IAsyncEnumerable<ChatDelta> AnswerAsync(
        ChatRequest request, string model, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var response = await client.PostAsync(Completions, UpstreamBody.For(request, model, stream: true), cancel);
        var answer = new CompletionStream(await OpenAsync(response, cancel), TextAs.Decoded, _thinking);
        await foreach (var delta in ReadAllAsync(answer, cancel))
        {
            yield return delta;
        }
        yield return new ChatDelta("", answer.End ?? throw Cut(), answer.Usage);
    }

    private static async IAsyncEnumerable<ChatDelta> ReadAllAsync(
        CompletionStream answer, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (await ReadAsync(answer, cancel))
        {
            while (TryRead(answer, out var chunk, out _))
            {
                if (chunk.Text is not null || chunk.Thinking is not null)
                {
                    yield return new ChatDelta(chunk.Text ?? "", Thinking: chunk.Thinking);
                }
            }
        }
        if (answer.Rest() is { SaysSomething: true } rest)
        {
            yield return new ChatDelta(rest.Text ?? "", Thinking: rest.Thinking);
        }
    }

    /// <summary>A whole completion; null where the body is not one JSON object.</summary>
    private ReadOnlyMemory<byte>? Whole(ReadOnlyMemory<byte> body, string model)
    {
        var reader = new CompletionReader(TextAs.Nothing, _thinking);
        CompletionChunk chunk;
        try
        {
            chunk = reader.Read(body.Span);
        }
        catch (MalformedStreamException)
        {
            return null;
        }
        if (chunk.Error is not null)
        {
            throw UpstreamErrors.Said(chunk.Error.Message);
        }
        if (!chunk.HasChoice)
        {
            throw UpstreamErrors.Broken("answered something that is no completion");
        }
        if (!reader.HasEnded && !chunk.HasToken)
        {
            throw Cut();
        }
        List<ChangedChoice> changed = [.. reader.Changed.Where(change => !change.IsWholeAlone)];
        foreach (var (index, text, thinking, _) in reader.EndAll().Where(ended => ended.SaysSomething))
        {
            var before = changed.FindIndex(change => change.Place == index);
            if (before >= 0)
            {
                changed[before] = new(index, changed[before].Text + text, changed[before].Thinking + thinking);
            }
        }
        return changed.Count == 0 && chunk.FinishReason is not null
            ? body : RelayedEvent.Whole(body.Span, NewId(), model, chunk, changed);
    }

    /// <summary>A server that streams although it was not asked to.</summary>
    private async Task<ReadOnlyMemory<byte>> GatherAsync(byte[] body, string model, CancellationToken cancel)
    {
        var answer = new CompletionStream(new MemoryStream(body), TextAs.Decoded, _thinking);
        var (text, thinking) = (new StringBuilder(), new StringBuilder());
        await foreach (var delta in ReadAllAsync(answer, cancel))
        {
            text.Append(delta.Text);
            thinking.Append(delta.Thinking);
        }
        var end = answer.End ?? throw (answer.HasBegun
            ? Cut() : UpstreamErrors.Broken("sent an answer that cannot be read"));
        return new ChatFrames(model, time.GetUtcNow(), includeUsage: false)
            .Whole(text.ToString(), end, answer.Usage, thinking.ToString());
    }

    /// <summary>Appends what a fill brought, and then wakes the readers once; of a fill that fails, what came before.</summary>
    /// <returns>False: there was no room for all of it.</returns>
    private static bool Append(CompletionStream answer, IGenerationSink output)
    {
        var tokens = 0;
        try
        {
            while (TryRead(answer, out var chunk, out var data))
            {
                tokens += chunk.HasToken ? 1 : 0;
                output.Thinking.Append(chunk.Thinking);
                if (!output.Text.AppendJson(data[chunk.Raw], chunk.IsRawEscaped) || !output.Text.Append(chunk.Text))
                {
                    return false;
                }
            }
            return true;
        }
        finally
        {
            if (tokens > 0)
            {
                output.TokensArrived(tokens);
            }
        }
    }

    /// <summary>The events of one relayed answer: as they came, but for those that are written anew.</summary>
    private sealed class Relay(string model, CompletionStream answer)
    {
        private readonly string _id = NewId();
        private readonly ArrayBufferWriter<byte> _anew = new();
        private ReadOnlyMemory<byte> _done = ChatFrames.Done;

        /// <summary>What <see cref="Take"/> took, valid until the next; of a fill that failed, what came before.</summary>
        public ReadOnlyMemory<byte> Events { get; private set; }

        /// <summary>Takes the events that a fill brought.</summary>
        public ApiException? Take(out int tokens)
        {
            _anew.ResetWrittenCount();
            var (good, isAnew) = (0, answer.IsJson);
            tokens = 0;
            ApiException? failure = null;
            try
            {
                while (TryRead(answer, out var chunk, out var data))
                {
                    if (chunk.IsDone)
                    {
                        // Its bytes, unless its place is behind what is still to be said.
                        _done = answer.IsJson ? ChatFrames.Done : answer.Taken[good..].ToArray();
                        break;
                    }
                    tokens += chunk.HasToken ? 1 : 0;
                    var isChanged = answer.IsJson || answer.Changed.Count > 0;
                    if (isChanged && !isAnew)
                    {
                        _anew.Write(answer.Taken.Span[..good]);
                    }
                    isAnew |= isChanged;
                    if (answer.Changed.Count > 0)
                    {
                        var json = RelayedEvent.Chunk(data, _id, model, chunk, answer.Changed);
                        RelayedEvent.Write(_anew, json.Span);
                    }
                    else if (answer.IsJson)
                    {
                        RelayedEvent.Write(_anew, data);
                    }
                    else if (isAnew)
                    {
                        _anew.Write(answer.Taken.Span[good..]);
                    }
                    good = answer.Taken.Length;
                }
            }
            catch (ApiException e)
            {
                failure = e;
            }
            Events = isAnew ? _anew.WrittenMemory : answer.Taken[..good];
            return failure;
        }

        /// <summary>
        /// The last events. Some servers leave the last line out; an answer with its finish reason is whole all the
        /// same.
        /// </summary>
        public ReadOnlyMemory<byte> End()
        {
            if (answer.End is null)
            {
                throw Cut();
            }
            _anew.ResetWrittenCount();
            foreach (var ended in answer.EndAll().Where(ended => !ended.HasEnded || ended.SaysSomething))
            {
                RelayedEvent.Write(_anew, _id, model, ended);
            }
            _anew.Write(_done.Span);
            return _anew.WrittenMemory;
        }
    }

    private static string NewId() => $"chatcmpl-{Guid.CreateVersion7():n}";

    private static bool TryRead(CompletionStream answer, out CompletionChunk chunk, out ReadOnlySpan<byte> data)
    {
        try
        {
            if (!answer.TryRead(out chunk, out data))
            {
                return false;
            }
        }
        catch (MalformedStreamException e)
        {
            throw UpstreamErrors.Broken("sent an event that cannot be read", e);
        }
        return chunk.Error is null ? true : throw UpstreamErrors.Said(chunk.Error.Message);
    }

    /// <summary>The answer's bytes: of what kind they are, they say themselves, whatever the server calls them.</summary>
    private static async ValueTask<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancel) =>
        "text/html".Equals(response.Content.Headers.ContentType?.MediaType, StringComparison.OrdinalIgnoreCase)
            ? throw UpstreamErrors.Broken("did not stream although asked to: it sent a page")
            : await response.Content.ReadAsStreamAsync(cancel);

    private static async ValueTask<bool> ReadAsync(CompletionStream answer, CancellationToken cancel)
    {
        try
        {
            return await answer.FillAsync(cancel);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or InvalidDataException)
        {
            throw UpstreamErrors.Broken("broke the connection amid its answer", e);
        }
        catch (MalformedStreamException e)
        {
            throw UpstreamErrors.Broken("sent an event that is larger than any", e);
        }
    }

    private static ApiException Cut() => UpstreamErrors.Broken("ended its answer before it was complete");
}
