using System.Net;
using System.Net.Http.Headers;

namespace Lyceum.EngineClient;

/// <summary>
/// JSON that is let go of once it is sent: a request lives as long as its answer, and one with images has megabytes. A client
/// sends a request again only where nothing of its body was sent.
/// </summary>
internal sealed class SentOnce : HttpContent
{
    private readonly long _length;
    private byte[]? _body;
    private Action? _onSent;

    /// <param name="onSent">Called once; also where the sending fails.</param>
    public SentOnce(byte[] body, Action? onSent)
    {
        (_body, _length, _onSent) = (body, body.Length, onSent);
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var body = _body ?? throw new InvalidOperationException("It was sent before.");
        await stream.WriteAsync(body, cancellationToken);
        LetGo();
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        LetGo();
        base.Dispose(disposing);
    }

    private void LetGo()
    {
        _body = null;
        Interlocked.Exchange(ref _onSent, null)?.Invoke();
    }
}
