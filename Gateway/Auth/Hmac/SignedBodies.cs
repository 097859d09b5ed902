using System.Security.Cryptography;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.IO;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>
/// The second half of a signed request, after authorization and before any handler: the body is read whole, within the
/// route's limit, and must have the hash that was signed; then the nonce must be new on all replicas. Nothing of the
/// request is forwarded before.
/// </summary>
internal sealed class SignedBodies(NonceStore nonces, RejectionLog rejections, IOptions<ShareOptions> shares)
{
    /// <summary>Bytes of bodies in memory at once, as they arrive; beyond: 503 <c>overloaded</c>.</summary>
    private const long MaxHeld = 256 * 1024 * 1024;

    /// <summary>Bytes of one body, where a route has no limit of its own.</summary>
    private const long MaxBody = 32 * 1024 * 1024;

    /// <summary>For a whole body to arrive; beyond: 408 <c>timeout</c>.</summary>
    private static readonly TimeSpan BodyTimeout = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Bodies grow by blocks that are used again: one array that doubles would copy a large body many times, and leave
    /// the garbage collector twice its size.
    /// </summary>
    private static readonly RecyclableMemoryStreamManager Memory = new(new RecyclableMemoryStreamManager.Options
    {
        BlockSize = 32 * 1024, MaximumSmallPoolFreeBytes = 32 * 1024 * 1024,
    });

    private readonly SharedBound _held = new(MaxHeld, shares.Value);

    public Task InvokeAsync(HttpContext http, RequestDelegate next) =>
        http.Features.Get<SignedRequest>() is { } signed ? CompleteAsync(http, next, signed) : next(http);

    private async Task CompleteAsync(HttpContext http, RequestDelegate next, SignedRequest signed)
    {
        // Nothing is held for what is announced: the caller may announce any length.
        using var held = _held.Take(Sharer.Of(signed.Accepted.Credential.Caller), 0);
        using var body = Memory.GetStream();
        if (HasBody(http))
        {
            if (!await TryReadAsync(http, body, held))
            {
                await Problems.Unavailable(ErrorCodes.Overloaded, "Too many signed bodies are being read; try again shortly.", RetryAfter).ExecuteAsync(http);
                return;
            }
            body.Position = 0;
            http.Request.Body = body; // a copy for the handler
        }
        if (!Matches(body, signed))
            await RejectAsync(http, signed, RejectionReason.Body);
        else if (await MayPassAsync(http, signed))
            await next(http);
    }

    /// <summary>Reads the body; what has arrived is counted as held, until the request is over.</summary>
    /// <returns>False: there is no room for more of this caller.</returns>
    /// <exception cref="BadHttpRequestException">413: larger than the route accepts.</exception>
    /// <exception cref="ProblemException">408: it came too slowly; 413: too large for any route.</exception>
    private static async Task<bool> TryReadAsync(HttpContext http, RecyclableMemoryStream body, SharedBound.Held held)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        timeout.CancelAfter(BodyTimeout);
        try
        {
            var hasLimit = http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize is not null;
            while (true)
            {
                var read = await http.Request.BodyReader.ReadAsync(timeout.Token);
                if (!hasLimit && body.Length + read.Buffer.Length > MaxBody)
                {
                    throw new ProblemException(
                        StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge,
                        $"A signed body may have {MaxBody} bytes.");
                }
                var fits = held.TryGrow(read.Buffer.Length);
                foreach (var part in fits ? read.Buffer : default)
                    body.Write(part.Span);
                http.Request.BodyReader.AdvanceTo(read.Buffer.End);
                if (!fits || read.IsCompleted)
                    return fits;
            }
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw new ProblemException(StatusCodes.Status408RequestTimeout, ErrorCodes.Timeout, "The body came too slowly.");
        }
    }

    private static bool Matches(RecyclableMemoryStream body, SignedRequest signed)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var bytes = body.GetReadOnlySequence();
        if (bytes.IsSingleSegment)
        {
            SHA256.HashData(bytes.FirstSpan, hash);
        }
        else
        {
            using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var block in bytes)
                sha256.AppendData(block.Span);
            sha256.GetHashAndReset(hash);
        }
        return hash.SequenceEqual(signed.ContentSha256);
    }

    private async Task<bool> MayPassAsync(HttpContext http, SignedRequest signed)
    {
        switch (await nonces.RememberAsync(signed.NonceId, Sharer.Of(signed.Accepted.Credential.Caller)))
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
