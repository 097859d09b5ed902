using System.Runtime.CompilerServices;
using System.Text.Json;
using Lyceum.EngineClient;
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
        var answer = new CompletionStream(await OpenAsync(response, cancel), TextAs.Raw); // for its usage
        while (await output.WaitAsync(ReadAsync(answer, cancel)))
        {
            var batch = Scan(answer);
            output.Counted(answer.Usage);
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
        }
        if (!answer.IsDone)
        {
            // Some servers leave the last line out; an answer with its finish reason is whole all the same.
            await output.WriteAsync(answer.End is null ? throw Cut() : ChatFrames.Done);
        }
    }

    public async Task<GenerationEnd> WriteAsync(ChatRequest request, string model, IGenerationSink output, CancellationToken cancel)
    {
        // Its usage settles what was reserved for it, whether or not its reader wants to know.
        var body = request.IncludeUsage
            ? UpstreamBody.For(request, model) : UpstreamBody.For(request, model, stream: true, countTokens: true);
        using var response = await client.PostAsync(Completions, body, cancel);
        var answer = new CompletionStream(await OpenAsync(response, cancel), TextAs.Raw);
        while (await ReadAsync(answer, cancel))
        {
            if (!Append(answer, output))
            {
                return GenerationEnd.Full;
            }
        }
        return new GenerationEnd(answer.End ?? throw Cut(), answer.Usage);
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
        var answer = new CompletionStream(await OpenAsync(response, cancel), TextAs.Decoded);
        while (await ReadAsync(answer, cancel))
        {
            while (TryRead(answer, out var chunk, out _))
            {
                if (chunk.Error is not null)
                {
                    throw UpstreamErrors.Said(chunk.Error.Message);
                }
                if (chunk.Text is { Length: > 0 } text)
                {
                    yield return new ChatDelta(text);
                }
            }
        }
        yield return new ChatDelta("", answer.End ?? throw Cut(), answer.Usage);
    }

    /// <summary>The events that a fill brought. On a failure, those before it, which the client shall still get.</summary>
    private readonly record struct Batch(ReadOnlyMemory<byte> Events, int Tokens, ApiException? Failure);

    /// <summary>Appends what a fill brought, and then wakes the readers once; of a fill that fails, what came before.</summary>
    /// <returns>False: there was no room for all of it.</returns>
    private static bool Append(CompletionStream answer, IGenerationSink output)
    {
        var tokens = 0;
        try
        {
            while (TryRead(answer, out var chunk, out var data))
            {
                if (chunk.Error is not null)
                {
                    throw UpstreamErrors.Said(chunk.Error.Message);
                }
                tokens += chunk.HasToken ? 1 : 0;
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

    private static Batch Scan(CompletionStream answer)
    {
        var (tokens, good) = (0, 0);
        try
        {
            while (TryRead(answer, out var chunk, out _))
            {
                if (chunk.Error is not null)
                {
                    throw UpstreamErrors.Said(chunk.Error.Message);
                }
                if (chunk.IsDone && answer.End is null)
                {
                    throw Cut();
                }
                tokens += chunk.HasToken ? 1 : 0;
                good = answer.Taken.Length;
            }
            return new Batch(answer.Taken[..good], tokens, null);
        }
        catch (ApiException e)
        {
            return new Batch(answer.Taken[..good], tokens, e);
        }
    }

    private static bool TryRead(CompletionStream answer, out CompletionChunk chunk, out ReadOnlySpan<byte> data)
    {
        try
        {
            return answer.TryRead(out chunk, out data);
        }
        catch (MalformedStreamException e)
        {
            throw UpstreamErrors.Broken("sent an event that cannot be read", e);
        }
    }

    private static async ValueTask<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancel) =>
        "text/event-stream".Equals(response.Content.Headers.ContentType?.MediaType, StringComparison.OrdinalIgnoreCase)
            ? await response.Content.ReadAsStreamAsync(cancel)
            : throw UpstreamErrors.Broken("did not stream although asked to");

    private static async ValueTask<bool> ReadAsync(CompletionStream answer, CancellationToken cancel)
    {
        try
        {
            return await answer.FillAsync(cancel);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
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
