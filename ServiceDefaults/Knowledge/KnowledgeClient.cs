using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.ChatApi.Generation;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.ChatApi.Grounding;

/// <summary>A tutor as far as answers depend on it.</summary>
/// <param name="Language">BCP 47.</param>
/// <param name="Instructions">For the model; empty: none.</param>
/// <param name="KbId">The knowledge base it answers from; null: none.</param>
public sealed record Tutor(string Name, string Subject, string Language, string Instructions, string? KbId);

/// <summary>A passage that speaks of a question.</summary>
public sealed record FoundPassage(string? Id, string? Title, string Text, string? Source);

/// <summary>
/// Asks SessionApi, on behalf of a caller, for what belongs to the caller's tenant. Every wait is bounded by the caller's token;
/// what is asked changes nothing, so that another instance may be asked where one cannot be reached.
/// </summary>
public sealed class KnowledgeClient(IHttpClientFactory clients, ServiceEndpoints endpoints, IdentityTokens identity)
{
    public const string Service = "session-api";

    /// <summary>Bytes; 50 passages of the longest kind stay well below.</summary>
    private const int MaxAnswer = 1024 * 1024;

    /// <returns>Null where the tenant has no such tutor.</returns>
    /// <exception cref="HttpRequestException">Nobody answered, or not with what was asked for.</exception>
    public Task<Tutor?> ReadTutorAsync(Caller caller, int id, CancellationToken cancellationToken) =>
        SendAsync<Tutor>(HttpMethod.Get, $"/api/tutors/{id}", null, caller, cancellationToken);

    /// <returns>Best first; null where the tenant has no such knowledge base.</returns>
    /// <exception cref="HttpRequestException">Nobody answered, or not with what was asked for.</exception>
    public async Task<IReadOnlyList<FoundPassage>?> SearchAsync(
        Caller caller, string kbId, string question, int limit, CancellationToken cancellationToken)
    {
        var found = await SendAsync<Found>(
            HttpMethod.Post, $"/internal/retrieval/{kbId}", new Search(question, limit), caller, cancellationToken);
        return found is null ? null : [.. (found.Passages ?? []).Where(passage => !string.IsNullOrWhiteSpace(passage.Text)).Take(limit)];
    }

    private async Task<T?> SendAsync<T>(HttpMethod method, string path, Search? body, Caller caller, CancellationToken cancellationToken)
        where T : class
    {
        var instances = new Queue<Uri>(endpoints.All(Service));
        if (instances.Count == 0)
            throw new HttpRequestException($"no {Service} is known");
        while (true)
        {
            using var request = new HttpRequestMessage(method, new Uri(instances.Dequeue(), path));
            request.Content = body is null ? null : JsonContent.Create(body, options: AnswerJson.Options);
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Bearer", identity.ForService(caller.Tenant, caller.Subject, Scopes.Tutors));
            var client = clients.CreateClient(Service);
            client.MaxResponseContentBufferSize = MaxAnswer;
            try
            {
                using var response = await client.SendAsync(request, cancellationToken);
                if (response.StatusCode == HttpStatusCode.NotFound)
                    return null;
                response.EnsureSuccessStatusCode();
                return await response.Content.ReadFromJsonAsync<T>(AnswerJson.Options, cancellationToken)
                    ?? throw new JsonException("the answer is null");
            }
            catch (HttpRequestException) when (instances.Count > 0)
            {
                // The next one may be able to say.
            }
            catch (JsonException e)
            {
                throw new HttpRequestException($"{Service} answered something else than was asked for", e);
            }
        }
    }

    private sealed record Search(string Query, int Limit);

    private sealed record Found(IReadOnlyList<FoundPassage>? Passages);
}
