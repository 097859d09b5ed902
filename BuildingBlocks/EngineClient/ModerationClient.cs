using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.EngineClient;

/// <summary>
/// Asks engines whether a text may be shown, over OpenAI's <c>/moderations</c>. What is asked changes nothing, so that
/// another engine may be asked where one cannot.
/// </summary>
public sealed partial class ModerationClient(
    IHttpClientFactory clients, CompletionsClient engines, ILogger<ModerationClient> logger)
{
    /// <summary>The model that makes an engine ask its language model to judge, with a prompt of its own.</summary>
    public const string Guard = "guard";

    public const string Path = "/v1/moderations";

    private const int MaxAnswer = 256 * 1024;
    private const int MaxCategories = 50;

    /// <param name="model"><see cref="Guard"/>, or null: the engine's moderation server.</param>
    /// <returns>The categories that the text is flagged for. Null: no engine could say, for any reason.</returns>
    public async Task<IReadOnlyList<string>?> FlagsAsync(
        string? model, string text, string tenant, string subject, CancellationToken cancellationToken)
    {
        try
        {
            for (var tries = engines.Tries(); ;)
            {
                try
                {
                    return await AskAsync(tries.Current, model, text, engines.TokenFor(tenant, subject), cancellationToken);
                }
                catch (HttpRequestException) when (tries.MoveNext())
                {
                    // The next one.
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or EngineException or JsonException or IOException
            || (e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            LogUnavailable(model ?? "moderations", e.Message);
            return null;
        }
    }

    /// <summary>The flagged categories of an answer of <c>/moderations</c>: <c>results[0]</c>.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    public static IReadOnlyList<string> Read(JsonElement answer)
    {
        if (!JsonUnicode.IsValid(JsonMarshal.GetRawUtf8Value(answer)))
            throw new JsonException("the answer holds a text that is not valid Unicode");
        if (answer.ValueKind != JsonValueKind.Object || !answer.TryGetProperty("results", out var results)
            || results.ValueKind != JsonValueKind.Array || results.GetArrayLength() == 0)
            throw new JsonException("the answer has no results");
        var flagged = new List<string>();
        foreach (var result in results.EnumerateArray())
        {
            if (result.ValueKind != JsonValueKind.Object || !result.TryGetProperty("flagged", out var isFlagged)
                || isFlagged.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                throw new JsonException("a result does not say whether the text is flagged");
            if (!isFlagged.GetBoolean())
                continue;
            var before = flagged.Count;
            if (result.TryGetProperty("categories", out var categories) && categories.ValueKind == JsonValueKind.Object)
                flagged.AddRange(categories.EnumerateObject().Where(c => c.Value.ValueKind == JsonValueKind.True).Select(c => c.Name));
            if (flagged.Count == before)
                flagged.Add("flagged");
        }
        return [.. flagged.Distinct().Take(MaxCategories)];
    }

    private async Task<IReadOnlyList<string>> AskAsync(
        Uri engine, string? model, string text, string token, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(engine, Path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Content = JsonContent.Create(
            model is null ? new Dictionary<string, string> { ["input"] = text } : new() { ["input"] = text, ["model"] = model });
        var client = clients.CreateClient(CompletionsClient.Service);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        await response.Content.LoadIntoBufferAsync(MaxAnswer, cancellationToken);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        return Read(answer.RootElement);
    }

    [LoggerMessage(LogLevel.Warning, "Moderation by {Moderator} is not available: {Reason}")]
    private partial void LogUnavailable(string moderator, string reason);
}
