using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Engines;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>Asks a GpuEngine, in turn where there are several, over its OpenAI-compatible API. Bounded by <c>Answers:MaxDuration</c>.</summary>
public sealed partial class EngineModel(
    IHttpClientFactory clients, EngineDirectory directory, IdentityTokens identity, IOptions<AnswersOptions> answers,
    IOptions<ModelOptions> options, TimeProvider time, ILogger<EngineModel> logger) : ILanguageModel, IDisposable
{
    public const string Service = EngineDirectory.Engines;
    private const int MaxReply = 1024 * 1024; // characters
    private static readonly TimeSpan ListWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan OverloadWait = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _places = new(options.Value.QuestionsAtOnce);
    private int _next;

    public async Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken)
    {
        var list = await SendAsync(HttpMethod.Get, "/v1/models", null, tenant, subject, ListWithin, cancellationToken);
        // Other servers' lists have no kind; what they have is a model.
        return list.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Array && data.EnumerateArray().Any(model =>
            !(model.TryGetProperty("lyceum", out var own) && own.TryGetProperty("kind", out var kind) && kind.ValueEquals("primer")));
    }

    public async Task<ModelReply> AskAsync(ModelQuestion question, string tenant, string subject, CancellationToken cancellationToken)
    {
        var body = new Dictionary<string, object>
        {
            ["messages"] = question.Messages.Select(message => new { role = message.Role, content = message.Content }),
        };
        // Absent, not null: the built-in answerer and some servers refuse what they do not know.
        if (question.Json)
            body["response_format"] = new { type = "json_object" };
        if (question.MaxTokens is { } limit)
            body["max_tokens"] = limit;
        var answer = await AskInTurnAsync(body, tenant, subject, cancellationToken);
        try
        {
            var choice = answer.GetProperty("choices")[0];
            var text = choice.GetProperty("message").GetProperty("content").GetString() ?? "";
            if (text.Length > MaxReply)
                throw new ModelException("The model's answer is too long.");
            var usage = answer.TryGetProperty("usage", out var counted) && counted.ValueKind == JsonValueKind.Object ? counted : default;
            var cut = choice.TryGetProperty("finish_reason", out var reason) && reason.ValueKind == JsonValueKind.String && reason.ValueEquals("length");
            return new(text, Count(usage, "prompt_tokens"), Count(usage, "completion_tokens"), cut);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new ModelException("The engine's answer is no chat completion.", e);
        }
    }

    private async Task<JsonElement> AskInTurnAsync(object body, string tenant, string subject, CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken);
        try
        {
            for (var asked = time.GetTimestamp(); ; await Task.Delay(OverloadWait, time, cancellationToken))
            {
                try
                {
                    return await SendAsync(
                        HttpMethod.Post, "/v1/chat/completions", body, tenant, subject, answers.Value.WholeAnswerTimeout, cancellationToken);
                }
                catch (ModelException e) when (e.IsOverload && time.GetElapsedTime(asked) < options.Value.OverloadPatience)
                {
                    LogOverload(logger, e.Message); // the place is kept: waiting for the engine is what it is for
                }
            }
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();

    private static int Count(JsonElement usage, string member) =>
        usage.ValueKind == JsonValueKind.Object && usage.TryGetProperty(member, out var value) && value.TryGetInt32(out var count) ? count : 0;

    private async Task<JsonElement> SendAsync(
        HttpMethod method, string path, object? body, string tenant, string subject, TimeSpan limit, CancellationToken cancellationToken)
    {
        var engines = directory.Live;
        if (engines.Count == 0)
            throw new ModelException("No engine is known.");
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(limit);
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(engines[(int)((uint)Interlocked.Increment(ref _next) % (uint)engines.Count)].Url, path));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService(tenant, subject, Scopes.Llm));
            if (body is not null)
                request.Content = JsonContent.Create(body);
            using var response = await clients.CreateClient(Service).SendAsync(request, bound.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new ModelException($"The engine answered {(int)response.StatusCode}.")
                {
                    IsOverload = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable,
                };
            }
            return await response.Content.ReadFromJsonAsync<JsonElement>(bound.Token);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is HttpRequestException or IOException or JsonException or OperationCanceledException)
        {
            throw new ModelException(e is OperationCanceledException ? $"The engine did not answer within {limit}." : $"The engine cannot be asked: {e.Message}", e);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The engine has too much to do, asking again shortly: {Reason}")]
    private static partial void LogOverload(ILogger logger, string reason);
}
