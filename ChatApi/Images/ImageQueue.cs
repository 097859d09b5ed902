using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Images;

/// <summary>
/// One image is decoded at a time in a process, whatever comes in: that bounds its memory, and leaves the other cores to answers.
/// Some wait; who comes then is refused.
/// </summary>
internal sealed class ImageQueue(IOptions<ImageOptions> options, IOptions<ShareOptions> shares, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(3);

    private readonly SharedBound _waiting = new(options.Value.MaxWaiting, shares.Value);
    private readonly SemaphoreSlim _turn = new(1);

    /// <param name="upload">From its beginning; read when its turn has come.</param>
    /// <exception cref="ProblemException">429, 503 <c>overloaded</c>; what is wrong with the image.</exception>
    public async Task<EncodedImage> EncodeAsync(Caller caller, Stream upload, CancellationToken cancellationToken)
    {
        using var place = _waiting.TryTake(Sharer.Of(caller)) ?? throw new ProblemException(
            429, ErrorCodes.Overloaded,
            "As many images are being read as this server takes on, or as many of yours. Try again shortly.", RetryAfter);
        using var bound = new CancellationTokenSource(options.Value.MaxWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancellationToken);
        try
        {
            await _turn.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(
                503, ErrorCodes.Overloaded, "Other images are being read, and yours has waited for too long. Try again shortly.",
                RetryAfter);
        }
        try
        {
            using var bytes = new MemoryStream((int)upload.Length);
            await upload.CopyToAsync(bytes, cancellationToken);
            // Not on a thread of a request that others wait for; native code cannot be cancelled.
            return await Task.Run(() => ImageCodec.Encode(bytes.GetBuffer(), options.Value.MaxPixels), CancellationToken.None);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}
