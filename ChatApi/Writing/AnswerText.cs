using System.Text;
using Lyceum.Text;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// The text of one running answer: an append-only UTF-8 buffer with two marks, <c>written</c> ≥ <c>committed</c>.
/// Only what is committed may be read. The generation's task appends, the journal takes what is written and moves
/// <see cref="Committed"/>; any number of readers copy from below it without a lock, because bytes below it never change
/// and a buffer that was outgrown stays as it was.
/// </summary>
public sealed class AnswerText
{
    private readonly Lock _lock = new();
    private readonly StringBuilder _pending = new(); // written, not yet taken by the journal; under _lock
    private byte[] _buffer;
    private int _written;                            // under _lock
    private int _committed;
    private char _highSurrogate;                     // first half of a pair that the model split; only the appender
    private bool _isCut;                             // under _lock

    /// <param name="committed">What a former owner of this answer had committed; empty for a new one.</param>
    public AnswerText(string committed = "")
    {
        _buffer = new byte[Math.Max(1024, Encoding.UTF8.GetByteCount(committed))];
        _written = _committed = Encoding.UTF8.GetBytes(committed, _buffer);
    }

    /// <summary>UTF-8 bytes that are durable.</summary>
    public int Committed => Volatile.Read(ref _committed);

    /// <summary>UTF-8 bytes appended, durable or not.</summary>
    public int Written
    {
        get { lock (_lock) return _written; }
    }

    /// <summary>Ended at what is committed: what came after it cannot be stored.</summary>
    public bool IsCut
    {
        get { lock (_lock) return _isCut; }
    }

    /// <summary>
    /// Appends a delta; nothing once the text is cut. U+0000, which Postgres cannot store, becomes U+FFFD, as does half
    /// of a surrogate pair whose other half does not follow.
    /// </summary>
    /// <returns>The bytes appended: 0 for a delta that is only half of a character.</returns>
    public int Append(string delta)
    {
        if (_highSurrogate != 0)
        {
            delta = _highSurrogate + delta;
            _highSurrogate = '\0';
        }
        if (delta.Length > 0 && char.IsHighSurrogate(delta[^1]))
        {
            _highSurrogate = delta[^1];
            delta = delta[..^1];
        }
        if (delta.Length == 0)
            return 0;

        delta = StorableText.Of(delta); // text, bytes and offsets agree
        var size = Encoding.UTF8.GetByteCount(delta);
        lock (_lock)
        {
            if (_isCut)
                return 0;
            if (_written + size > _buffer.Length)
            {
                var grown = new byte[Math.Max(_buffer.Length * 2, _written + size)];
                _buffer.AsSpan(0, _written).CopyTo(grown);
                Volatile.Write(ref _buffer, grown);
            }
            _written += Encoding.UTF8.GetBytes(delta, _buffer.AsSpan(_written));
            _pending.Append(delta);
        }
        return size;
    }

    /// <summary>Takes what was appended since the last call: its text and the offset it begins at. Null if nothing.</summary>
    internal (int ByteOffset, string Body, int End)? TakePending(ref int taken)
    {
        lock (_lock)
        {
            if (_pending.Length == 0)
                return null;
            var chunk = (taken, _pending.ToString(), _written);
            _pending.Clear();
            taken = _written;
            return chunk;
        }
    }

    /// <summary>Called by the journal: the database refuses what is not committed. It was shown to nobody.</summary>
    internal void Cut()
    {
        lock (_lock)
        {
            _isCut = true;
            _written = _committed;
            _pending.Clear();
        }
    }

    /// <summary>Called by the journal after the commit that holds everything before <paramref name="end"/>.</summary>
    internal void MarkCommitted(int end) => Volatile.Write(ref _committed, end);

    /// <summary>
    /// The committed bytes from <paramref name="offset"/> on; at most <paramref name="max"/>, whole characters. Empty beyond
    /// what is committed here: a reader that followed the next owner's commits is ahead of a fenced one.
    /// </summary>
    public ReadOnlyMemory<byte> Read(int offset, int max)
    {
        var end = Committed;                        // before the buffer: a later buffer holds all earlier bytes
        var buffer = Volatile.Read(ref _buffer);
        return offset >= end ? default : Utf8Text.Slice(buffer.AsMemory(0, end), offset, max);
    }
}
