using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Lyceum.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.Knowledge;

/// <summary>A tutor as far as answers depend on it.</summary>
/// <param name="Language">BCP 47.</param>
/// <param name="Instructions">For the model; empty: none.</param>
/// <param name="KbId">The knowledge base it answers from; null: none.</param>
public sealed record Tutor(string Name, string Subject, string Language, string Instructions, string? KbId);

/// <summary>A passage that speaks of a question.</summary>
public sealed record FoundPassage(string? Id, string? Title, string Text, string? Source);

/// <summary>
/// Asks SessionApi, on behalf of a subject, for what belongs to the subject's tenant. Every wait is bounded by the caller's
/// cancellation token; what is asked changes nothing, so that another instance may be asked where one cannot be reached.
/// </summary>
public sealed class KnowledgeClient(IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity)
{
    public const string Service = "session-api";

    /// <summary>Bytes; 50 passages of the longest kind stay well below.</summary>
    private const int MaxAnswer = 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <returns>Null where the tenant has no such tutor.</returns>
    /// <exception cref="HttpRequestException">No instance answered, or not with the expected JSON.</exception>
    public Task<Tutor?> ReadTutorAsync(string tenant, string subject, int id, CancellationToken cancellationToken) =>
        SendAsync<Tutor>(HttpMethod.Get, $"/api/tutors/{id}", null, tenant, subject, cancellationToken);

    /// <returns>Best first; null where the tenant has no such knowledge base.</returns>
    /// <exception cref="HttpRequestException">No instance answered, or not with the expected JSON.</exception>
    public async Task<IReadOnlyList<FoundPassage>?> SearchAsync(
        string tenant, string subject, string kbId, string question, int limit, CancellationToken cancellationToken)
    {
        // Only a slug can be a knowledge base, and may stand in a path.
        if (!Slug.IsValid(kbId))
            return null;
        var found = await SendAsync<Found>(
            HttpMethod.Post, $"/internal/retrieval/{kbId}", new Search(question, limit), tenant, subject, cancellationToken);
        return found is null ? null : [.. (found.Passages ?? []).Where(passage => !string.IsNullOrWhiteSpace(passage.Text)).Take(limit)];
    }

    private async Task<T?> SendAsync<T>(
        HttpMethod method, string path, Search? body, string tenant, string subject, CancellationToken cancellationToken)
        where T : class
    {
        var instances = new Queue<Uri>(await services.GetAddressesAsync(Service, cancellationToken));
        if (instances.Count == 0)
            throw new HttpRequestException($"no instance of {Service} is configured");
        while (true)
        {
            using var request = new HttpRequestMessage(method, new Uri(instances.Dequeue(), path));
            request.Content = body is null ? null : JsonContent.Create(body, options: Json);
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Bearer", identity.ForService(tenant, subject, Scopes.Tutors));
            var client = clients.CreateClient(Service);
            client.MaxResponseContentBufferSize = MaxAnswer;
            try
            {
                using var response = await client.SendAsync(request, cancellationToken);
                if (response.StatusCode == HttpStatusCode.NotFound)
                    return null;
                response.EnsureSuccessStatusCode();
                return await response.Content.ReadFromJsonAsync<T>(Json, cancellationToken)
                    ?? throw new JsonException("the answer is null");
            }
            catch (HttpRequestException) when (instances.Count > 0)
            {
                // Another instance may answer.
            }
            catch (JsonException e)
            {
                throw new HttpRequestException($"{Service} answered with unexpected JSON", e);
            }
        }
    }

    private sealed record Search(string Query, int Limit);

    private sealed record Found(IReadOnlyList<FoundPassage>? Passages);
}

/// <summary>Reading tutors and searching knowledge bases, for services that rest answers on them.</summary>
public static class KnowledgeClientExtensions
{
    public static WebApplicationBuilder AddKnowledgeClient(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddServiceClient(KnowledgeClient.Service);
        builder.Services.AddSingleton<KnowledgeClient>();
        return builder;
    }
}
