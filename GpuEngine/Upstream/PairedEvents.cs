using System.Buffers;
using System.Globalization;
using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// An event stream, read in whole events, in which no JSON string holds half of a surrogate pair. Servers that send token by token
/// may escape an emoji's halves in two events, <c>"\ud83d"</c> and <c>"\ude80"</c>: legal JSON, which System.Text.Json, and so the SDK,
/// refuses. The first half waits for the next event here and goes before the second; a half without its other is U+FFFD where it is
/// the second, and left out where it is the first. One reader; owns the stream that it reads.
/// </summary>
internal sealed class PairedEvents(Stream inner) : Stream
{
    private const int Escape = 6; // bytes of \uXXXX

    private readonly EventBuffer _events = new(inner);
    private readonly ArrayBufferWriter<byte> _rewritten = new();
    private ReadOnlyMemory<byte> _ready;
    private ushort _half; // the first half of a pair whose second half has not come yet; 0: none

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_ready.IsEmpty)
        {
            // An event that is not whole at the stream's end is left out, as the protocol says.
            if (!await _events.FillAsync(cancellationToken))
            {
                return 0;
            }
            _ready = TakeEvents();
        }
        var read = Math.Min(buffer.Length, _ready.Length);
        _ready[..read].CopyTo(buffer);
        _ready = _ready[read..];
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("This stream is read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>The events that the last fill brought; valid until the next.</summary>
    private ReadOnlyMemory<byte> TakeEvents()
    {
        _rewritten.ResetWrittenCount();
        var (from, isRewritten) = (0, false);
        while (_events.TryTake(out _))
        {
            var one = _events.Taken.Span[from..];
            if (!isRewritten && (_half != 0 || HasHalves(one)))
            {
                isRewritten = true;
                _rewritten.Write(_events.Taken.Span[..from]);
            }
            if (isRewritten)
            {
                Rewrite(one);
            }
            from = _events.Taken.Length;
        }
        return isRewritten ? _rewritten.WrittenMemory : _events.Taken;
    }

    private static bool HasHalves(ReadOnlySpan<byte> json) => json.IndexOf("\\ud"u8) >= 0 || json.IndexOf("\\uD"u8) >= 0;

    private void Rewrite(ReadOnlySpan<byte> json)
    {
        var waiting = _half;
        for (int at; (at = json.IndexOf((byte)'\\')) >= 0;)
        {
            _rewritten.Write(json[..at]);
            json = json[at..];
            var unit = Unit(json);
            if (char.IsHighSurrogate(unit) && json.Length > Escape && char.IsLowSurrogate(Unit(json[Escape..])))
            {
                _rewritten.Write(json[..(2 * Escape)]);
                json = json[(2 * Escape)..];
            }
            else if (char.IsHighSurrogate(unit))
            {
                (_half, waiting) = (unit, (ushort)0);
                json = json[Escape..];
            }
            else if (char.IsLowSurrogate(unit))
            {
                Write(_half != 0 ? $"\\u{_half:x4}\\u{(ushort)unit:x4}" : "\\ufffd");
                (_half, waiting) = (0, 0);
                json = json[Escape..];
            }
            else
            {
                // Any other escape, of which only the first two characters matter here.
                var length = Math.Min(2, json.Length);
                _rewritten.Write(json[..length]);
                json = json[length..];
            }
        }
        _rewritten.Write(json);
        if (waiting != 0)
        {
            _half = 0; // it waited for this event, which did not bring the other
        }
    }

    /// <summary>The UTF-16 code unit of the escape at the front; U+0000 where there is no such escape.</summary>
    private static char Unit(ReadOnlySpan<byte> json) =>
        json.Length >= Escape && json[1] == 'u' &&
        ushort.TryParse(json.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : '\0';

    private void Write(string ascii) => _rewritten.Write(Encoding.ASCII.GetBytes(ascii));
}
