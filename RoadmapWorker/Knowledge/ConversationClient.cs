using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.RoadmapWorker.Knowledge;

/// <summary>One message of a conversation, as far as practice rests on it.</summary>
/// <param name="Role"><c>user | assistant</c>.</param>
/// <param name="Status"><c>complete</c> of one that was written to its end.</param>
internal sealed record ConversationMessage(Guid Id, string Role, string Content, string Status);

/// <summary>Reads a person's conversation from ChatApi, on their behalf; another instance is asked where one cannot be reached.</summary>
internal sealed class ConversationClient(IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity)
{
    public const string Service = "chat-api";

    /// <summary>Bytes; a longer conversation cannot be practised.</summary>
    private const int MaxAnswer = 16 * 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <returns>In their order; null where the person has no such conversation.</returns>
    /// <exception cref="HttpRequestException">No instance answered, or not with the expected JSON.</exception>
    public async Task<IReadOnlyList<ConversationMessage>?> ReadAsync(
        string tenant, string subject, Guid conversation, CancellationToken cancellationToken)
    {
        var instances = new Queue<Uri>(await services.GetAddressesAsync(Service, cancellationToken));
        if (instances.Count == 0)
            throw new HttpRequestException($"no instance of {Service} is configured");
        while (true)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, new Uri(instances.Dequeue(), $"/api/conversations/{conversation}/messages"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService(tenant, subject, Scopes.Chat));
            var client = clients.CreateClient(Service);
            client.MaxResponseContentBufferSize = MaxAnswer;
            try
            {
                using var response = await client.SendAsync(request, cancellationToken);
                if (response.StatusCode == HttpStatusCode.NotFound)
                    return null;
                response.EnsureSuccessStatusCode();
                return (await response.Content.ReadFromJsonAsync<Answer>(Json, cancellationToken))?.Messages ?? [];
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

    private sealed record Answer(IReadOnlyList<ConversationMessage>? Messages);
}
