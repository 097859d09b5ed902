using System.Text.Json;
using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>The upstream's list of models: asked for when needed, believed for <see cref="LlmOptions.ModelsCache"/>.</summary>
internal sealed class UpstreamModels(UpstreamClient client, IOptions<LlmOptions> llm, TimeProvider time)
{
    // A listing is small talk: a server that needs longer is as good as away.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<ModelInfo>>? _asking;
    private volatile Known? _known;

    /// <summary>The models, the configured default first.</summary>
    /// <exception cref="ApiException">The upstream does not say.</exception>
    public async ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel)
    {
        if (_known is { } known && time.GetElapsedTime(known.At) < llm.Value.ModelsCache)
        {
            return known.Models;
        }
        Task<IReadOnlyList<ModelInfo>> asking;
        lock (_lock)
        {
            // One question at a time, whose answer or failure all who wait share.
            if (_asking is null or { IsCompleted: true })
            {
                _asking = AskAsync();
            }
            asking = _asking;
        }
        return await asking.WaitAsync(cancel);
    }

    /// <summary>
    /// The id to send for what a caller asked. The configured one needs no look-up; another must be listed. Where the
    /// upstream does not list its models, it judges the id itself.
    /// </summary>
    public async ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel)
    {
        var configured = llm.Value.Model is { Length: > 0 } model ? model : null;
        if (configured is not null && (requested is null || requested == configured))
        {
            return configured;
        }
        IReadOnlyList<ModelInfo> models;
        try
        {
            models = await ListAsync(cancel);
        }
        catch (ApiException) when (requested is not null)
        {
            return requested;
        }
        if (requested is null)
        {
            return models is [var first, ..] ? first.Id : throw UpstreamErrors.Broken("lists no model; set Llm:Model");
        }
        return models.Any(info => info.Id == requested)
            ? requested
            : throw new ApiException(ApiError.NoSuchModel(requested));
    }

    private async Task<IReadOnlyList<ModelInfo>> AskAsync()
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            using var response = await client.GetAsync("/models", limit.Token);
            await using var body = await response.Content.ReadAsStreamAsync(limit.Token);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: limit.Token);
            var listed = json.RootElement.GetProperty("data").EnumerateArray().Select(Read)
                .OrderByDescending(info => info.Id == llm.Value.Model).ToList();
            _known = new Known(listed, time.GetTimestamp());
            return listed;
        }
        catch (OperationCanceledException e)
        {
            throw UpstreamErrors.Unreachable(e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IOException)
        {
            throw UpstreamErrors.Broken("sent a list of models that cannot be read", e);
        }
    }

    private static ModelInfo Read(JsonElement model) => new(
        model.GetProperty("id").GetString() ?? throw new JsonException("a model without id"),
        model.TryGetProperty("created", out var created) && created.TryGetInt64(out var at) ? at : 0,
        model.TryGetProperty("owned_by", out var owner) && owner.ValueKind is JsonValueKind.String ? owner.GetString()! : "upstream");

    private sealed record Known(IReadOnlyList<ModelInfo> Models, long At);
}
