using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Settings;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>Searches at the address that a session was made with.</summary>
internal sealed partial class HttpRetrieval(
    IHttpClientFactory clients, IOptions<LiveSessionOptions> options, ILogger<HttpRetrieval> log) : IRetrieval
{
    public const string Client = "retrieval";

    private const int MaxAnswer = 1024 * 1024;
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static void Configure(HttpClient client)
    {
        client.MaxResponseContentBufferSize = MaxAnswer;
        client.Timeout = Timeout.InfiniteTimeSpan; // each search has its own
    }

    public async Task<IReadOnlyList<GivenPassage>?> SearchAsync(RetrievalSource source, string question, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(options.Value.RetrievalTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, source.Url)
            {
                Content = JsonContent.Create(new Search(question, options.Value.RetrievalPassages), options: Json),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", source.Token);
            using var response = await clients.CreateClient(Client).SendAsync(request, limit.Token);
            response.EnsureSuccessStatusCode();
            var found = await response.Content.ReadFromJsonAsync<Found>(Json, limit.Token);
            return [.. (found?.Passages ?? []).Where(passage => !string.IsNullOrWhiteSpace(passage?.Text)).Take(options.Value.RetrievalPassages)];
        }
        catch (Exception e) when (!cancel.IsCancellationRequested &&
            (e is HttpRequestException or JsonException or OperationCanceledException or NotSupportedException))
        {
            LogFailed(log, source.Url.Host, e.Message);
            return null;
        }
    }

    private sealed record Search(string Query, int Limit);

    private sealed record Found(IReadOnlyList<GivenPassage>? Passages);

    [LoggerMessage(LogLevel.Warning, "Retrieval at {Host} failed: {Reason}; the turn goes on without passages")]
    private static partial void LogFailed(ILogger log, string host, string reason);
}
