using System.Text.Json;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>The models that an OpenAI-compatible server lists.</summary>
internal sealed class UpstreamModels(UpstreamClient client, IOptions<LlmOptions> llm, TimeProvider time)
{
    private readonly ModelListCache _cache = new(
        cancel => FetchAsync(client, llm.Value.Model, cancel), llm.Value.ModelsCache, time);

    /// <summary>The models, the configured default first.</summary>
    /// <exception cref="ApiException">The upstream does not answer with one.</exception>
    public ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel) => _cache.ListAsync(cancel);

    /// <summary>
    /// The id to send for what a caller asked for. The configured one needs no request; another must be listed. Where
    /// the upstream does not list its models, the id is sent as it is and the upstream decides.
    /// </summary>
    public async ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel)
    {
        var configured = llm.Value.Model is { Length: > 0 } model ? model : null;
        if (configured is not null && (requested is null || requested == configured))
            return configured;
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
            return models is [var first, ..] ? first.Id : throw UpstreamErrors.Broken("lists no model; set Llm:Model");
        return models.Any(info => info.Id == requested)
            ? requested
            : throw new ApiException(ApiError.NoSuchModel(requested));
    }

    private static async Task<IReadOnlyList<ModelInfo>> FetchAsync(
        UpstreamClient client, string? configured, CancellationToken cancel)
    {
        try
        {
            using var response = await client.GetAsync("/models", cancel);
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: cancel);
            return [.. json.RootElement.GetProperty("data").EnumerateArray().Select(Read).OrderByDescending(info => info.Id == configured)];
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
}
