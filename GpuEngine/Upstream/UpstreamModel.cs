using System.Runtime.CompilerServices;
using System.Text.Json;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// Any OpenAI-compatible server as a model. Streamed answers are relayed event by event as bytes; each is parsed once,
/// to tell tokens from comments and an answer's end from a broken connection.
/// </summary>
internal sealed class UpstreamModel(UpstreamClient client, UpstreamModels models) : IRelayingModel
{
    private const string Completions = "/chat/completions";
    private const int MaxWhole = 16 * 1024 * 1024;

    public string Kind => "language_model";

    public ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel) => models.ListAsync(cancel);

    public ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel) => models.ResolveAsync(requested, cancel);

    public async Task StreamAsync(ChatRequest request, string model, AnswerStream output, CancellationToken cancel)
    {
        using var response = await output.WaitAsync(new ValueTask<HttpResponseMessage>(
            client.PostAsync(Completions, UpstreamBody.For(request, model), cancel)));
        var events = new EventBuffer(await OpenAsync(response, cancel));
        var finished = false;
        while (await output.WaitAsync(ReadAsync(events, cancel)))
        {
            var batch = Scan(events);
            finished |= batch.Finished;
            if (batch.Tokens > 0)
            {
                output.TokensArrived(batch.Tokens);
            }
            if (!batch.Events.IsEmpty)
            {
                await output.WriteAsync(batch.Events);
            }
            if (batch.Failure is not null)
            {
                throw batch.Failure;
            }
            if (batch.Done)
            {
                return;
            }
        }
        // Some servers leave the last line out; an answer with its finish reason is whole all the same.
        await output.WriteAsync(finished ? ChatFrames.Done : throw Cut());
    }

    public async Task<GenerationEnd> WriteAsync(ChatRequest request, string model, IGenerationSink output, CancellationToken cancel)
    {
        using var response = await client.PostAsync(Completions, UpstreamBody.For(request, model), cancel);
        var events = new EventBuffer(await OpenAsync(response, cancel));
        var last = default(Tail);
        while (!last.IsOver && await ReadAsync(events, cancel))
        {
            last = Append(events, output, last);
        }
        return last.IsFull ? GenerationEnd.Full
            : last.Finish is not null || last.Done ? new GenerationEnd(last.Finish ?? "stop", last.Usage)
            : throw Cut();
    }

    public async Task<ReadOnlyMemory<byte>> WholeAsync(ChatRequest request, string model, CancellationToken cancel)
    {
        using var response = await client.PostAsync(Completions, UpstreamBody.For(request, model), cancel);
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxWhole, cancel);
            var body = await response.Content.ReadAsByteArrayAsync(cancel);
            using var json = JsonDocument.Parse(body);
            return json.RootElement.TryGetProperty("choices", out _)
                ? body
                : throw UpstreamErrors.Broken("answered something that is no completion");
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException or InvalidOperationException)
        {
            throw UpstreamErrors.Broken("sent an answer that cannot be read", e);
        }
    }

    public async IAsyncEnumerable<ChatDelta> AnswerAsync(
        ChatRequest request, string model, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var response = await client.PostAsync(Completions, UpstreamBody.For(request, model, stream: true), cancel);
        var events = new EventBuffer(await OpenAsync(response, cancel));
        string? finish = null;
        TokenUsage? usage = null;
        var done = false;
        while (!done && await ReadAsync(events, cancel))
        {
            while (!done && TryRead(events, TextAs.String, out var chunk, out _, out done))
            {
                finish = chunk.FinishReason ?? finish;
                usage = chunk.Usage ?? usage;
                if (chunk.Error is not null)
                {
                    throw UpstreamErrors.Said(chunk.Error);
                }
                if (chunk.Text is { Length: > 0 } text)
                {
                    yield return new ChatDelta(text);
                }
            }
        }
        yield return finish is not null || done ? new ChatDelta("", finish ?? "stop", usage) : throw Cut();
    }

    /// <summary>The events that a fill brought. On a failure, those before it, which the client still gets.</summary>
    private readonly record struct Batch(
        ReadOnlyMemory<byte> Events, int Tokens, bool Finished, bool Done, ApiException? Failure);

    /// <summary>What the events so far say of an answer's end.</summary>
    private readonly record struct Tail(string? Finish, TokenUsage? Usage, bool Done, bool IsFull)
    {
        public bool IsOver => Done || IsFull;
    }

    /// <summary>Appends what a fill brought, and then wakes the readers once; of a fill that fails, what came before.</summary>
    private static Tail Append(EventBuffer events, IGenerationSink output, Tail last)
    {
        var tokens = 0;
        try
        {
            while (!last.IsOver && TryRead(events, TextAs.Raw, out var chunk, out var data, out var done))
            {
                if (chunk.Error is not null)
                {
                    throw UpstreamErrors.Said(chunk.Error);
                }
                var room = output.Text.AppendJson(data[chunk.Raw], chunk.RawEscaped);
                tokens += chunk.HasToken ? 1 : 0;
                last = new Tail(chunk.FinishReason ?? last.Finish, chunk.Usage ?? last.Usage, done, !room);
            }
        }
        finally
        {
            if (tokens > 0)
            {
                output.TokensArrived(tokens);
            }
        }
        return last;
    }

    private static Batch Scan(EventBuffer events)
    {
        var (tokens, finished, good) = (0, false, 0);
        try
        {
            while (TryRead(events, TextAs.Nothing, out var chunk, out _, out var done))
            {
                if (chunk.Error is not null)
                {
                    return new Batch(events.Taken[..good], tokens, finished, false, UpstreamErrors.Said(chunk.Error));
                }
                tokens += chunk.HasToken ? 1 : 0;
                finished |= chunk.FinishReason is not null;
                good = events.Taken.Length;
                if (done)
                {
                    return new Batch(events.Taken, tokens, finished, true, null);
                }
            }
            return new Batch(events.Taken, tokens, finished, false, null);
        }
        catch (ApiException e)
        {
            return new Batch(events.Taken[..good], tokens, finished, false, e);
        }
    }

    private static bool TryRead(
        EventBuffer events, TextAs text, out Chunk chunk, out ReadOnlySpan<byte> data, out bool done)
    {
        (chunk, done) = (default, false);
        if (!events.TryTake(out data))
        {
            return false;
        }
        done = data.SequenceEqual("[DONE]"u8);
        if (!done && !data.IsEmpty)
        {
            try
            {
                chunk = ChunkReader.Read(data, text);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw UpstreamErrors.Broken("sent an event that cannot be read", e);
            }
        }
        return true;
    }

    private static async ValueTask<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancel) =>
        response.Content.Headers.ContentType?.MediaType is "text/event-stream"
            ? await response.Content.ReadAsStreamAsync(cancel)
            : throw UpstreamErrors.Broken("did not stream although asked to");

    private static async ValueTask<bool> ReadAsync(EventBuffer events, CancellationToken cancel)
    {
        try
        {
            return await events.FillAsync(cancel);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw UpstreamErrors.Broken("broke the connection amid its answer", e);
        }
    }

    private static ApiException Cut() => UpstreamErrors.Broken("ended its answer before it was complete");
}
