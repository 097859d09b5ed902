using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Text.Moderation;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Sessions;

/// <summary>What an engine is asked to make.</summary>
/// <param name="Moderation">How its questions and answers are judged at first.</param>
/// <param name="Policy">Where the engine reads how they are judged from then on.</param>
internal sealed record EngineSessionRequest(
    int TutorId, string StudentId, string? KbId, string Instructions, string Language, string? Voice,
    IReadOnlyList<HistoryMessage> History, EngineRetrieval? Retrieval,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ModerationPolicy? Moderation = null,
    EngineRetrieval? Policy = null);

/// <summary>Where the engine searches for passages, or reads the policy, and what it shows there.</summary>
internal sealed record EngineRetrieval(string Url, string Token);

/// <summary>A session as the engine made it; the URL holds the token.</summary>
internal sealed record EngineSession(
    string SessionId, string EngineUrl, string EngineToken, DateTimeOffset ExpiresAt, Guid Incarnation);

/// <summary>
/// Why an engine did not do what it was asked: it rejected the request, could not be reached, or did not answer in
/// time.
/// </summary>
/// <param name="Status">What it answered; 0 where it did not.</param>
/// <param name="Code">One of <see cref="ErrorCodes"/>.</param>
internal sealed record EngineRejection(int Status, string Code, string Message);

/// <summary>One of the two; neither where nothing was to be answered.</summary>
internal readonly record struct EngineAnswer(EngineSession? Session, EngineRejection? Rejection);

/// <summary>One caller's client, from which the engine chooses an address that the client can reach.</summary>
internal sealed record ClientView(string? Host, string Scheme, string? Address)
{
    /// <summary>As the gateway says, else as the request came.</summary>
    public static ClientView Of(HttpContext http) => new(
        http.Request.Headers["X-Forwarded-Host"].FirstOrDefault() ?? http.Request.Host.Value,
        http.Request.Headers["X-Forwarded-Proto"].FirstOrDefault() ?? http.Request.Scheme,
        http.Request.Headers["X-Forwarded-For"].FirstOrDefault() ?? http.Connection.RemoteIpAddress?.ToString());

    public void AddTo(HttpRequestMessage request)
    {
        request.Headers.TryAddWithoutValidation("X-Forwarded-Host", Host);
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", Scheme);
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", Address);
    }
}

/// <summary>
/// Asks one engine about sessions, on behalf of the person they belong to. Every wait is the caller's to bound.
/// </summary>
internal sealed partial class EngineSessions(
    IHttpClientFactory clients, IdentityTokens identity, IOptions<JsonOptions> json, ILogger<EngineSessions> logger)
{
    /// <param name="share">Of the engine's places, that the caller may hold.</param>
    public Task<EngineAnswer> CreateAsync(
        EngineRow engine, string tenant, string person, double share, ClientView client, EngineSessionRequest wanted,
        CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, engine, "/v1/sessions", tenant, person, client, wanted, cancellationToken, share);

    /// <summary>A fresh address of a session that is there.</summary>
    public Task<EngineAnswer> ConnectAsync(
        EngineRow engine, string session, string tenant, string person, ClientView client,
        CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, engine, $"/v1/sessions/{session}/connect", tenant, person, client, null,
            cancellationToken);

    /// <summary>Ends a session; one that is not there has ended already.</summary>
    /// <returns>Null: it is ended.</returns>
    public async Task<EngineRejection?> DeleteAsync(
        EngineRow engine, string session, string tenant, string person, CancellationToken cancellationToken) =>
        (await SendAsync(HttpMethod.Delete, engine, $"/v1/sessions/{session}", tenant, person, null, null,
            cancellationToken)).Rejection is { Status: not 404 } rejection
            ? rejection
            : null;

    private async Task<EngineAnswer> SendAsync(
        HttpMethod method, EngineRow engine, string path, string tenant, string person, ClientView? client,
        EngineSessionRequest? body, CancellationToken cancellationToken, double? share = null)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(new Uri(engine.Url), path));
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Bearer", identity.ForService(tenant, person, share, Scopes.Sessions));
            client?.AddTo(request);
            if (body is not null)
                request.Content = JsonContent.Create(body, options: json.Value.SerializerOptions);
            using var response = await clients.CreateClient(EngineDirectory.Engines).SendAsync(request, cancellationToken);
            if (!response.IsSuccessStatusCode)
                return new(null, await RejectionAsync(engine, response, cancellationToken));
            if (method == HttpMethod.Delete)
                return default;
            return await response.Content.ReadFromJsonAsync<EngineSession>(json.Value.SerializerOptions, cancellationToken)
                is { SessionId: not null, EngineUrl: not null, EngineToken: not null } made
                ? new(made, null)
                : Unavailable(engine, "answered no session", "");
        }
        catch (HttpRequestException e)
        {
            return Unavailable(engine, "cannot be reached", e.Message);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Unavailable(engine, "answered no session", e.Message);
        }
        catch (OperationCanceledException)
        {
            return Unavailable(engine, "did not answer in time", "");
        }
    }

    /// <param name="why">For the client, who has no use for addresses.</param>
    /// <param name="reason">For the log.</param>
    private EngineAnswer Unavailable(EngineRow engine, string why, string reason)
    {
        LogUnavailable(engine.Id, engine.Url, why, reason);
        return new(null, new(0, ErrorCodes.EngineUnavailable, $"engine {engine.Id} {why}"));
    }

    [LoggerMessage(LogLevel.Warning, "engine {Engine} at {Url} {Why}: {Reason}")]
    private partial void LogUnavailable(string engine, string url, string why, string reason);

    /// <summary>Why, as the engine says it.</summary>
    public static async Task<EngineRejection> RejectionAsync(
        EngineRow engine, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var (code, detail) = (ErrorCodes.EngineUnavailable, $"engine {engine.Id} answered {(int)response.StatusCode}");
        if (response.Content.Headers.ContentType?.MediaType is "application/problem+json")
        {
            using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
            code = problem.RootElement.TryGetProperty("code", out var c) ? c.GetString() ?? code : code;
            detail = problem.RootElement.TryGetProperty("detail", out var d) ? d.GetString() ?? detail : detail;
        }
        return new((int)response.StatusCode, code, detail);
    }
}
