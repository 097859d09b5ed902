using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>
/// Reads how a session's turns are judged where the session says, before a turn: so what a school changes holds in
/// sessions that are open, 10 s later at most. Where it cannot be read, what was read last goes on.
/// </summary>
internal sealed partial class SessionPolicies(
    IHttpClientFactory clients, IOptions<LiveSessionOptions> options, TimeProvider time, ILogger<SessionPolicies> log)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <returns>Null: nothing is judged.</returns>
    public async ValueTask<ModerationPolicy?> CurrentAsync(SessionPolicy policy, CancellationToken cancel)
    {
        if (policy.Source is not { } source
            || (policy.ReadAt != 0 && time.GetElapsedTime(policy.ReadAt) < options.Value.PolicyFresh))
            return policy.Current;
        policy.ReadAt = time.GetTimestamp(); // a source that is away is asked as rarely
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(options.Value.PolicyTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, source.Url);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", source.Token);
            using var response = await clients.CreateClient(HttpRetrieval.Client).SendAsync(request, limit.Token);
            response.EnsureSuccessStatusCode();
            var read = await response.Content.ReadFromJsonAsync<PersonPolicy>(Json, limit.Token);
            var moderation = (read ?? throw new JsonException("the answer is null")).Moderation;
            if (moderation is not null && PolicyRules.FaultOf(moderation) is { } fault)
                throw new JsonException(fault);
            policy.Current = moderation is null ? null : PolicyRules.Complete(moderation);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested &&
            (e is HttpRequestException or JsonException or OperationCanceledException or NotSupportedException))
        {
            LogFailed(log, source.Url.Host, e.Message);
        }
        return policy.Current;
    }

    [LoggerMessage(LogLevel.Warning, "Policy at {Host} not read, what was read last goes on: {Reason}")]
    private static partial void LogFailed(ILogger log, string host, string reason);
}
