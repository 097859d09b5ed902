using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Lyceum.Gateway.Proxy;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Events;

/// <param name="After">UTF-8 bytes of it that the reader has.</param>
internal sealed record FollowedAnswer(Guid Message, int After)
{
    /// <param name="text"><c>message_id</c>, or <c>message_id:after</c>.</param>
    /// <exception cref="ProblemException">400 <c>invalid_request</c>.</exception>
    public static FollowedAnswer Parse(string? text)
    {
        var parts = (text ?? "").Split(':');
        var after = 0;
        return parts.Length <= 2 && Guid.TryParseExact(parts[0], "D", out var message)
            && (parts.Length == 1 || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out after))
            ? new(message, after)
            : throw new ProblemException(
                400, ErrorCodes.InvalidRequest, "follow must be an answer's message_id, or message_id:after.");
    }
}

/// <summary>Reads an answer as <c>GET /chat/{message}/stream</c> shows it, for a connection that carries more than that.</summary>
internal sealed class FollowedAnswers(EventSources sources, IdentityTokens identity, TimeProvider time)
{
    /// <summary>An event of the answer's stream: <c>{message_id, id, event, data}</c>.</summary>
    public const string Kind = "answer";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly string[] Last = ["end", "error"];

    /// <summary>Until its end; on another replica, from where it was, when one breaks off.</summary>
    public async Task ReadAsync(Caller caller, FollowedAnswer answer, ChannelWriter<Told> output, CancellationToken gone)
    {
        var after = answer.After.ToString(CultureInfo.InvariantCulture);
        while (true)
        {
            try
            {
                var isEmpty = true;
                var path = $"/chat/{answer.Message}/stream?after={after}";
                await foreach (var item in sources.OpenAsync(Routes.ChatApi, path, identity.ForCaller(caller), gone))
                {
                    isEmpty = false;
                    if (item.EventType == "ping")
                        continue;
                    if (item.EventType == "delta" && item.EventId is { } id)
                        after = id;
                    await output.WriteAsync(Tell(answer.Message, item.EventType, item.EventId, JsonNode.Parse(item.Data)), gone);
                    if (Last.Contains(item.EventType))
                        return;
                }
                if (isEmpty)
                    return; // nothing comes after what the reader has
                await Task.Delay(Pause, time, gone); // ended before the answer: its replica is going
            }
            catch (HttpRequestException e) when (e.StatusCode is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError
                and not HttpStatusCode.TooManyRequests)
            {
                var problem = new JsonObject { ["status"] = (int)e.StatusCode, ["code"] = ErrorCodes.MessageNotFound };
                await output.WriteAsync(Tell(answer.Message, "error", null, problem), gone);
                return;
            }
            catch (Exception) when (!gone.IsCancellationRequested)
            {
                await Task.Delay(Pause, time, gone);
            }
        }
    }

    private static Told Tell(Guid message, string kind, string? id, JsonNode? data) => new(
        Routes.ChatApi, Kind, null,
        new JsonObject { ["message_id"] = message, ["id"] = id, ["event"] = kind, ["data"] = data }.ToJsonString());
}
