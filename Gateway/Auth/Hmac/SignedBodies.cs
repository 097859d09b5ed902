using System.Security.Cryptography;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.Features;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>
/// The second half of a signed request, after authorization and before any handler: the body is read whole, within the
/// route's limit, and must have the hash that was signed; then the nonce must be new on all replicas. Nothing of the
/// request is forwarded before.
/// </summary>
internal sealed class SignedBodies(NonceStore nonces, RejectionLog rejections)
{
    /// <summary>Bytes of bodies in memory at once; beyond: 503 <c>overloaded</c>.</summary>
    private const long MaxHeld = 256 * 1024 * 1024;

    /// <summary>Bytes of one body, where a route has no limit of its own.</summary>
    private const long MaxBody = 32 * 1024 * 1024;

    /// <summary>For a whole body to arrive; beyond: 408 <c>timeout</c>.</summary>
    private static readonly TimeSpan BodyTimeout = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private long _held;

    public Task InvokeAsync(HttpContext http, RequestDelegate next) =>
        http.Features.Get<SignedRequest>() is { } signed ? CompleteAsync(http, next, signed) : next(http);

    private async Task CompleteAsync(HttpContext http, RequestDelegate next, SignedRequest signed)
    {
        var mayHold = HasBody(http) ? http.Request.ContentLength ?? Limit(http) : 0;
        if (Interlocked.Add(ref _held, mayHold) > MaxHeld)
        {
            Interlocked.Add(ref _held, -mayHold);
            await Problems.Unavailable(ErrorCodes.Overloaded, "Too many signed bodies are being read; try again shortly.", RetryAfter).ExecuteAsync(http);
            return;
        }
        try
        {
            if (!await IsIntactAsync(http, signed, mayHold))
                await RejectAsync(http, signed, RejectionReason.Body);
            else if (await MayPassAsync(http, signed))
                await next(http);
        }
        finally
        {
            Interlocked.Add(ref _held, -mayHold);
        }
    }

    /// <summary>Reads the body, and replaces it by a copy for the handler.</summary>
    /// <exception cref="BadHttpRequestException">413: larger than the route accepts.</exception>
    /// <exception cref="ProblemException">408: it came too slowly.</exception>
    private static async Task<bool> IsIntactAsync(HttpContext http, SignedRequest signed, long length)
    {
        var body = new MemoryStream();
        if (length > 0)
        {
            // Grows as bytes arrive: the caller may claim any length.
            body.Capacity = (int)Math.Min(length, 64 * 1024);
            await CopyAsync(http, body);
            body.Position = 0;
            http.Request.Body = body;
        }
        return Matches(body, signed);
    }

    private static async Task CopyAsync(HttpContext http, MemoryStream body)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        timeout.CancelAfter(BodyTimeout);
        try
        {
            await http.Request.Body.CopyToAsync(body, timeout.Token);
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw new ProblemException(StatusCodes.Status408RequestTimeout, ErrorCodes.Timeout, "The body came too slowly.");
        }
    }

    private static bool Matches(MemoryStream body, SignedRequest signed)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(body.GetBuffer().AsSpan(0, (int)body.Length), hash);
        return hash.SequenceEqual(signed.ContentSha256);
    }

    private async Task<bool> MayPassAsync(HttpContext http, SignedRequest signed)
    {
        switch (await nonces.RememberAsync(signed.NonceId))
        {
            case NonceOutcome.New:
                return true;
            case NonceOutcome.Seen:
                await RejectAsync(http, signed, RejectionReason.Replay);
                return false;
            case NonceOutcome.Full:
                await Problems.Unavailable(ErrorCodes.Overloaded, "Too many signed requests wait; sign it anew and try again shortly.", RetryAfter).ExecuteAsync(http);
                return false;
            default:
                await Problems.Unavailable(
                    ErrorCodes.DatabaseUnavailable, "Whether this request is new cannot be told now; sign it anew and try again shortly.").ExecuteAsync(http);
                return false;
        }
    }

    private async Task RejectAsync(HttpContext http, SignedRequest signed, string reason)
    {
        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        rejections.Record(http, reason, signed.Accepted.Credential.Id);
        await HmacChallenge.Answer(http, reason).ExecuteAsync(http);
    }

    /// <summary>A request to upgrade has no body that could be read first.</summary>
    private static bool HasBody(HttpContext http) =>
        http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody is true
        && http.Features.Get<IHttpExtendedConnectFeature>()?.IsExtendedConnect is not true
        && http.Features.Get<IHttpUpgradeFeature>()?.IsUpgradableRequest is not true;

    private static long Limit(HttpContext http) => http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize ?? MaxBody;
}

internal static class HmacChallenge
{
    /// <summary>401, with as much of the reason as a stranger may know.</summary>
    public static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult Answer(HttpContext http, string reason)
    {
        http.Response.Headers.WWWAuthenticate = $"HMAC error=\"{reason}\"";
        return Problems.Create(StatusCodes.Status401Unauthorized,
            reason == RejectionReason.Replay ? ErrorCodes.ReplayedRequest : ErrorCodes.Unauthorized,
            $"The signed request is not accepted: {RejectionReason.Words(reason)}.");
    }
}
