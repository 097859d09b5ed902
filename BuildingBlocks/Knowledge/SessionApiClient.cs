using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.Knowledge;

/// <summary>
/// Asks SessionApi on behalf of a person, another instance where one cannot be reached: so only what may be asked twice.
/// Every wait is bounded by the caller's cancellation token.
/// </summary>
public sealed class SessionApiClient(IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity)
{
    public const string Service = "session-api";

    /// <summary>Bytes; 50 passages of the longest kind stay well below.</summary>
    private const int MaxAnswer = 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    internal async ValueTask<bool> IsThereAsync(CancellationToken cancellationToken) =>
        (await services.GetAddressesAsync(Service, cancellationToken)).Any();

    /// <param name="path">With its query.</param>
    /// <param name="body">As JSON; null: none.</param>
    /// <param name="scope">What the call needs.</param>
    /// <returns>Null for 404: there is no such thing, or it is not the subject's.</returns>
    /// <exception cref="HttpRequestException">No instance answered, or not with the expected JSON.</exception>
    internal async Task<T?> SendAsync<T>(
        HttpMethod method, string path, object? body, string tenant, string subject, string scope,
        CancellationToken cancellationToken)
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
                "Bearer", identity.ForService(tenant, subject, scope));
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
}

/// <summary>Reading tutors and searching knowledge bases, for services that rest answers on them.</summary>
public static class SessionApiClientExtensions
{
    public static WebApplicationBuilder AddKnowledgeClient(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddServiceClient(SessionApiClient.Service);
        builder.Services.AddSingleton<SessionApiClient>();
        builder.Services.AddSingleton<KnowledgeClient>();
        builder.Services.AddSingleton<PeopleClient>();
        builder.Services.AddSingleton<TranscriptClient>();
        builder.Services.AddSingleton<SafetyClient>();
        return builder;
    }
}
