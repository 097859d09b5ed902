using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Moderation;

/// <summary>
/// <c>POST /v1/moderations</c>, as OpenAI's API has it: relayed to the configured server; with the model <c>guard</c>, answered by
/// the language model. Nothing is stored (rule 1's exemption).
/// </summary>
internal static class ModerationsApi
{
    private const int MaxBody = 256 * 1024;

    public static WebApplicationBuilder AddModeration(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<ModerationOptions>, ModerationOptions.Validator>();
        services.AddOptions<ModerationOptions>().BindConfiguration(ModerationOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<ModerationOptions>>().Value;
            return new ModerationServer(options.IsConfigured
                ? new UpstreamClient(
                    new UpstreamAddress(ModerationOptions.Section, options.Endpoint!, options.ApiKey),
                    provider.GetRequiredService<IOptions<AnswersOptions>>().Value)
                : null);
        });
        services.AddSingleton<Guard>();
        services.AddSingleton<Moderators>();
        return builder;
    }

    public static void MapModerations(this IEndpointRouteBuilder v1) =>
        v1.MapPost("/moderations", ModerateAsync)
            .WithMetadata(new RequestSizeLimitAttribute(RequestBody.MaxDrained))
            .Takes<ModerationRequest>("application/json").Produces<ModerationAnswer>()
            .Fails(typeof(OpenAIError), 400, ErrorCodes.InvalidRequest, ErrorCodes.InvalidJson)
            .Fails(typeof(OpenAIError), 413, ErrorCodes.PayloadTooLarge)
            .Fails(typeof(OpenAIError), 429, ErrorCodes.Overloaded)
            .Fails(typeof(OpenAIError), 501, ErrorCodes.ModerationNotConfigured)
            .Fails(typeof(OpenAIError), 502, ErrorCodes.UpstreamFailed)
            .Fails(typeof(OpenAIError), 504, ErrorCodes.Timeout);

    /// <summary>
    /// Whether a text may be shown, as OpenAI's API answers it. The model <c>guard</c> is the language model with a prompt that
    /// makes it judge.
    /// </summary>
    private static async Task ModerateAsync(HttpContext http, Caller caller, Moderators moderators, IOptions<ModerationOptions> options)
    {
        try
        {
            using var place = moderators.Take(Sharer.Of(caller));
            var request = await ReadAsync(http.Request, http.RequestAborted);
            var answer = (string?)request["model"] == ModerationClient.Guard
                ? Guarded(await moderators.AskGuardAsync(Texts(request["input"]), new Payer(caller), http.RequestAborted))
                : await moderators.AskServerAsync(WithModel(request, options.Value.Model), http.RequestAborted);
            http.Response.ContentType = "application/json; charset=utf-8";
            await http.Response.BodyWriter.WriteAsync(answer, http.RequestAborted);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for it.
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await ApiError.From(e).AnswerAsync(http.Response, http.RequestAborted);
        }
    }

    private static async Task<JsonObject> ReadAsync(HttpRequest http, CancellationToken cancel)
    {
        var body = await RequestBody.ReadAsync(http, MaxBody, cancel);
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(body.Span, documentOptions: RequestBody.Json);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidJson, "The body must be a JSON object."), e);
        }
        if (node is not JsonObject request)
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidJson, "The body must be a JSON object."));
        if (request["model"] is not (null or JsonValue) || (request["model"] is JsonValue model && model.GetValueKind() != JsonValueKind.String))
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidRequest, "model must be a string.", "model"));
        if (request["input"] is null)
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidRequest, "input must be a text or an array of texts.", "input"));
        return request;
    }

    private static string Texts(JsonNode? input) => input switch
    {
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Text(value),
        JsonArray array when array.Count > 0 && array.All(each => each?.GetValueKind() == JsonValueKind.String) =>
            string.Join('\n', array.Select(each => Text(each!.AsValue()))),
        _ => throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidRequest, "input must be a text or an array of texts.", "input")),
    };

    private static string Text(JsonValue value) => JsonText.Read(JsonSerializer.SerializeToElement(value));

    private static ReadOnlyMemory<byte> WithModel(JsonObject request, string? model)
    {
        if (request["model"] is null && model is { Length: > 0 })
            request["model"] = model;
        return JsonSerializer.SerializeToUtf8Bytes(request);
    }

    private static ReadOnlyMemory<byte> Guarded(IReadOnlyList<string> categories) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        id = $"modr-{Guid.CreateVersion7():N}",
        model = ModerationClient.Guard,
        results = new[]
        {
            new
            {
                flagged = categories.Count > 0,
                categories = categories.ToDictionary(name => name, _ => true),
                category_scores = categories.ToDictionary(name => name, _ => 1.0),
            },
        },
    });
}

/// <param name="Input">A text, or an array of texts.</param>
/// <param name="Model"><c>guard</c>: the language model judges; else the configured server's.</param>
internal sealed record ModerationRequest(JsonElement Input, string? Model = null);

internal sealed record ModerationAnswer(string Id, string Model, IReadOnlyList<ModerationResult> Results);

/// <param name="Categories">By name, whether it applies.</param>
internal sealed record ModerationResult(
    bool Flagged, IReadOnlyDictionary<string, bool> Categories, IReadOnlyDictionary<string, double>? CategoryScores = null);
