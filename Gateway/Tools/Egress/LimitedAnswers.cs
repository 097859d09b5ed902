namespace Lyceum.Gateway.Tools.Egress;

/// <summary>
/// Bounds each response for a reader that has no bound itself (the MCP client): fails beyond <paramref name="max"/>
/// bytes. What is asked for within <see cref="Limit"/> is bounded together, too.
/// </summary>
internal sealed class LimitedAnswers(long max) : DelegatingHandler
{
    private static readonly AsyncLocal<Allowance?> Together = new();

    /// <summary>Bounds all answers to what this flow asks for, until the result is disposed.</summary>
    public static IDisposable Limit(long bytes) => Together.Value = new Allowance(bytes);

    private sealed class Allowance(long bytes) : IDisposable
    {
        private long _remaining = bytes;

        public bool Take(int read) => Interlocked.Add(ref _remaining, -read) >= 0;

        public void Dispose() => Together.Value = null;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (response.Content.Headers.ContentEncoding.Any(encoding => encoding != "identity"))
            throw new HttpRequestException("the answer is compressed, which was not asked for");
        var content = new StreamContent(new LimitedStream(await response.Content.ReadAsStreamAsync(cancellationToken), max, Together.Value));
        foreach (var header in response.Content.Headers)
            content.Headers.TryAddWithoutValidation(header.Key, header.Value);
        // The MCP client compares media types as they are written.
        if (content.Headers.ContentType is { MediaType: { } type } given)
            given.MediaType = type.ToLowerInvariant();
        response.Content = content;
        return response;
    }

    private sealed class LimitedStream(Stream inner, long max, Allowance? together) : Stream
    {
        private long _remaining = max;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Count(await inner.ReadAsync(buffer, cancellationToken));

        public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        private int Count(int read) =>
            (_remaining -= read) >= 0 && together?.Take(read) != false ? read : throw new IOException("the answer is larger than the tool may give");

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
