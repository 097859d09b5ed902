using System.Text.Json.Serialization;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;

namespace Lyceum.GpuEngine.Completions;

/// <summary><c>GET /v1/models</c> and <c>GET /v1/models/{id}</c>.</summary>
internal static class ModelsApi
{
    public static void MapModels(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/models", ListAsync).Produces<ModelList>();
        // A catch-all: ids such as "meta-llama/Llama-3.1-8B" have slashes.
        v1.MapGet("/models/{**id}", GetAsync).Produces<ModelObject>()
            .Fails(typeof(OpenAIError), 404, ErrorCodes.ModelNotFound);
    }

    /// <summary>The models, as OpenAI's API lists them.</summary>
    private static Task<IResult> ListAsync(IChatModel model, CancellationToken cancel) => AnswerAsync(async () =>
        Results.Json(new ModelList("list", [.. (await model.ListAsync(cancel)).Select(info => Describe(info, model))])));

    /// <summary>One model.</summary>
    private static Task<IResult> GetAsync(string id, IChatModel model, CancellationToken cancel) => AnswerAsync(async () =>
        (await model.ListAsync(cancel)).FirstOrDefault(info => info.Id == id) is { } found
            ? Results.Json(Describe(found, model))
            : throw new ApiException(ApiError.NoSuchModel(id)));

    private static async Task<IResult> AnswerAsync(Func<Task<IResult>> answer)
    {
        try
        {
            return await answer();
        }
        catch (ApiException e)
        {
            return new ErrorResult(e.Error);
        }
    }

    private static ModelObject Describe(ModelInfo info, IChatModel model) =>
        new(info.Id, "model", info.Created, info.OwnedBy, new LyceumFields(model.Kind));

    // Names written out: OpenAI's, independent of the service's own JSON policy.
    private sealed record ModelList(
        [property: JsonPropertyName("object")] string Object, [property: JsonPropertyName("data")] ModelObject[] Data);

    private sealed record ModelObject(
        [property: JsonPropertyName("id")] string Id,
        [property: JsonPropertyName("object")] string Object,
        [property: JsonPropertyName("created")] long Created,
        [property: JsonPropertyName("owned_by")] string OwnedBy,
        [property: JsonPropertyName("lyceum")] LyceumFields Lyceum);

    /// <param name="Kind">Whether a language model is connected: <c>language_model</c> or <c>primer</c>.</param>
    private sealed record LyceumFields([property: JsonPropertyName("kind")] string Kind);

    private sealed class ErrorResult(ApiError error) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => error.AnswerAsync(httpContext.Response, httpContext.RequestAborted);
    }
}
