using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
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
            .Fails(typeof(OpenAIError), 502, ErrorCodes.UpstreamFailed, "upstream_broken")
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
            using var request = await ReadAsync(http.Request, http.RequestAborted);
            var (input, model) = (request.RootElement.GetProperty("input"), Model(request.RootElement));
            var answer = model == ModerationClient.Guard
                ? Guarded(await moderators.AskGuardAsync(Texts(input), new Payer(caller), http.RequestAborted))
                : await moderators.AskServerAsync(Body(request.RootElement, model ?? options.Value.Model), http.RequestAborted);
            http.Response.ContentType = "application/json; charset=utf-8";
            await http.Response.BodyWriter.WriteAsync(answer, http.RequestAborted);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for it.
        }
        catch (Exception e) when (e is ApiException or BadHttpRequestException)
        {
            await ApiError.From(e).AnswerAsync(http.Response, http.RequestAborted);
        }
    }

    /// <returns>An object with an <c>input</c>, whose <c>model</c> is a text where it has one.</returns>
    private static async Task<JsonDocument> ReadAsync(HttpRequest http, CancellationToken cancel)
    {
        var body = await RequestBody.ReadAsync(http, MaxBody, cancel);
        // Of the whole body, not of what is read here: the rest is written again for the moderation server.
        if (!JsonUnicode.IsValid(body.Span))
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidJson, "The body holds a text that is not valid Unicode."));
        JsonDocument request;
        try
        {
            request = JsonDocument.Parse(body, RequestBody.Json);
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidJson, $"The body is not valid JSON: {e.Message}"), e);
        }
        try
        {
            if (request.RootElement.ValueKind != JsonValueKind.Object)
                throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidJson, "The body must be a JSON object."));
            if (request.RootElement.TryGetProperty("model", out var model) && model.ValueKind is not (JsonValueKind.String or JsonValueKind.Null))
                throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidRequest, "model must be a string.", "model"));
            if (!request.RootElement.TryGetProperty("input", out var input) || input.ValueKind == JsonValueKind.Null)
                throw NoTexts();
            return request;
        }
        catch
        {
            request.Dispose();
            throw;
        }
    }

    private static string? Model(JsonElement request) => request.TryGetProperty("model", out var model) ? model.GetString() : null;

    private static string Texts(JsonElement input) => input.ValueKind switch
    {
        JsonValueKind.String => JsonText.Read(input),
        JsonValueKind.Array when input.GetArrayLength() > 0 && input.EnumerateArray().All(each => each.ValueKind == JsonValueKind.String) =>
            string.Join('\n', input.EnumerateArray().Select(JsonText.Read)),
        _ => throw NoTexts(),
    };

    private static ApiException NoTexts() =>
        new(ApiError.Invalid(ErrorCodes.InvalidRequest, "input must be a text or an array of texts.", "input"));

    /// <summary>The request, with this model where there is one.</summary>
    private static ReadOnlyMemory<byte> Body(JsonElement request, string? model)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            foreach (var member in request.EnumerateObject().Where(member => !member.NameEquals("model")))
            {
                json.WritePropertyName(member.Name);
                json.WriteRawValue(JsonMarshal.GetRawUtf8Value(member.Value), skipInputValidation: true);
            }
            if (model is { Length: > 0 })
                json.WriteString("model", model);
            json.WriteEndObject();
        }
        return body.WrittenMemory;
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
