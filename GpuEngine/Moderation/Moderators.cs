using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Moderation;

/// <summary>What judges texts here: the configured server of <c>/moderations</c>, and the language model as guard.</summary>
internal sealed partial class Moderators(
    ModerationServer server, Guard guard, IOptions<ModerationOptions> options, IOptions<ShareOptions> shares, TimeProvider time,
    ILogger<Moderators> log)
{
    private const int MaxAnswer = 256 * 1024;

    private readonly SharedBound _running = new(options.Value.MaxRunning, shares.Value);

    /// <summary>Takes a place until disposed.</summary>
    /// <exception cref="ApiException">429: all are taken, or too many by this caller.</exception>
    public IDisposable Take(Sharer who) => _running.TryTake(who) ?? throw ApiException.Overloaded(
        $"This engine judges {_running.Capacity} texts at once (Moderation:MaxRunning); the rest is kept for other callers.");

    /// <summary>Asks the guard, within <see cref="ModerationOptions.Timeout"/>.</summary>
    /// <exception cref="ApiException">It cannot say.</exception>
    public Task<IReadOnlyList<string>> AskGuardAsync(string text, Payer payer, CancellationToken cancel) =>
        BoundedAsync(token => guard.JudgeAsync(text, payer, token), cancel);

    /// <summary>Asks the server, within <see cref="ModerationOptions.Timeout"/>.</summary>
    /// <param name="body">A request of <c>/moderations</c>.</param>
    /// <returns>Its answer, as it is.</returns>
    /// <exception cref="ApiException">There is none, or it does not answer with JSON.</exception>
    public Task<ReadOnlyMemory<byte>> AskServerAsync(ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        BoundedAsync<ReadOnlyMemory<byte>>(async token =>
        {
            var client = server.Client ?? throw new ApiException(ApiError.Server(501, ErrorCodes.ModerationNotConfigured,
                "No moderation server is configured (Moderation:Endpoint)."));
            using var response = await client.PostAsync("/moderations", body, token);
            try
            {
                await response.Content.LoadIntoBufferAsync(MaxAnswer, token);
                var answer = await response.Content.ReadAsByteArrayAsync(token);
                using var _ = JsonDocument.Parse(answer);
                return answer;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                throw UpstreamErrors.Broken("broke off its judgement", e);
            }
            catch (JsonException e)
            {
                throw UpstreamErrors.Broken("sent a judgement that cannot be read", e);
            }
        }, cancel);

    /// <summary>A live session's way to ask: no failure of a judge is one of the turn.</summary>
    public IModelJudge For(Payer payer, Sharer who) => new SessionJudge(this, payer, who);

    private async Task<IReadOnlyList<string>?> FlagsAsync(
        ModerationBy by, string text, Payer payer, Sharer who, CancellationToken cancel)
    {
        try
        {
            using var place = Take(who);
            if (by == ModerationBy.Guard)
                return await AskGuardAsync(text, payer, cancel);
            using var answer = JsonDocument.Parse(await AskServerAsync(JsonSerializer.SerializeToUtf8Bytes(Body(text)), cancel));
            return ModerationClient.Read(answer.RootElement);
        }
        catch (Exception e) when (e is ApiException or JsonException && !cancel.IsCancellationRequested)
        {
            LogUnavailable(log, by, e.Message);
            return null;
        }
    }

    private Dictionary<string, string> Body(string text)
    {
        var body = new Dictionary<string, string> { ["input"] = text };
        if (options.Value.Model is { Length: > 0 } model)
            body["model"] = model;
        return body;
    }

    private async Task<T> BoundedAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancel)
    {
        using var timeout = new CancellationTokenSource(options.Value.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancel);
        try
        {
            return await ask(either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new ApiException(ApiError.Server(504, ErrorCodes.Timeout,
                $"No judgement came within {options.Value.Timeout.TotalSeconds:0.###} s (Moderation:Timeout)."));
        }
    }

    [LoggerMessage(LogLevel.Warning, "Moderation by {By} is not available: {Reason}")]
    private static partial void LogUnavailable(ILogger log, ModerationBy by, string reason);

    private sealed class SessionJudge(Moderators moderators, Payer payer, Sharer who) : IModelJudge
    {
        public Task<IReadOnlyList<string>?> FlagsAsync(ModerationBy by, Side side, string text, CancellationToken cancellationToken) =>
            moderators.FlagsAsync(by, text, payer, who, cancellationToken);
    }
}

/// <summary>The configured server of <c>/moderations</c>.</summary>
/// <param name="Client">Null: none is configured.</param>
internal sealed record ModerationServer(UpstreamClient? Client);
