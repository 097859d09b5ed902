using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>
/// The text of one generation: an append-only UTF-8 buffer with one writer and any number of readers, who copy from it
/// without a lock, because bytes once written never change and a buffer that was outgrown stays as it was. It holds what
/// a database can store: U+0000 becomes U+FFFD, as does half of a surrogate pair; halves that a model sent in two pieces
/// are joined. So a byte offset here means the same character as in the copy that a client keeps.
/// </summary>
/// <param name="max">Bytes; text beyond them is rejected.</param>
/// <param name="resized">Called by the writer with the number of bytes by which the buffer grew or shrank.</param>
internal sealed class GenerationText(int max, Action<int> resized)
{
    private const int Initial = 1024;

    private byte[] _bytes = [];
    private int _length;          // written by the writer, after the bytes; what is below it may be read
    private char _highSurrogate;  // first half of a pair whose second half has not come yet; the writer's

    /// <summary>UTF-8 bytes that can be read.</summary>
    public int Length => Volatile.Read(ref _length);

    /// <summary>Appends a JSON string, given as it stands between its quotes, well-formed.</summary>
    /// <returns>False: there was no room for all of it; what fitted is there.</returns>
    public bool AppendJson(ReadOnlySpan<byte> raw, bool escaped)
    {
        if (!escaped)
            return raw.IsEmpty || AppendPlain(raw);
        while (!raw.IsEmpty)
        {
            var plain = raw.IndexOf((byte)'\\');
            if (plain != 0)
            {
                if (!AppendPlain(plain < 0 ? raw : raw[..plain]))
                    return false;
                raw = plain < 0 ? default : raw[plain..];
                continue;
            }
            if (!AppendUnit(Unescape(ref raw)))
                return false;
        }
        return true;
    }

    /// <summary>Appends UTF-16, which may begin or end amid a surrogate pair.</summary>
    /// <returns>False: there was no room for all of it; what fitted is there.</returns>
    public bool Append(ReadOnlySpan<char> text)
    {
        Span<byte> utf8 = stackalloc byte[512];
        while (!text.IsEmpty)
        {
            var run = text[..Math.Min(text.Length, utf8.Length / 3)];
            // What the encoder would silently mend across pieces goes unit by unit.
            var odd = run.IndexOfAnyInRange('\ud800', '\udfff');
            var nul = run.IndexOf('\0');
            var plain = odd < 0 ? nul : nul < 0 ? odd : Math.Min(odd, nul);
            if (plain == 0)
            {
                if (!AppendUnit(text[0]))
                    return false;
                text = text[1..];
                continue;
            }
            if (plain > 0)
                run = run[..plain];
            if (!AppendPlain(utf8[..Encoding.UTF8.GetBytes(run, utf8)]))
                return false;
            text = text[run.Length..];
        }
        return true;
    }

    /// <summary>Nothing will follow: half a pair still waiting becomes U+FFFD, and spare room is given back.</summary>
    public void Complete()
    {
        EndPair();
        if (_bytes.Length > _length)
            Resize(_length);
    }

    /// <summary>Whether a cursor may stand at <paramref name="offset"/>: at a character's first byte or at the end.</summary>
    public bool IsBoundary(int offset) => Utf8Text.IsBoundary(Slice(0, int.MaxValue).Span, offset);

    /// <summary>At most <paramref name="most"/> bytes from <paramref name="offset"/> on, whole characters.</summary>
    public ReadOnlyMemory<byte> Slice(int offset, int most)
    {
        var end = Length; // before the buffer: a later buffer holds all earlier bytes
        return Utf8Text.Slice(Volatile.Read(ref _bytes).AsMemory(0, end), offset, most);
    }

    private bool AppendPlain(ReadOnlySpan<byte> run) =>
        EndPair() && Write(Utf8.IsValid(run) ? run : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(run)));

    /// <summary>Appends one UTF-16 code unit: the only place where halves of pairs meet.</summary>
    private bool AppendUnit(char unit)
    {
        var high = _highSurrogate;
        if (char.IsHighSurrogate(unit))
        {
            var room = EndPair();
            _highSurrogate = unit;
            return room;
        }
        if (char.IsLowSurrogate(unit))
        {
            _highSurrogate = '\0';
            return Write(high == 0 ? Rune.ReplacementChar : new Rune(high, unit));
        }
        return EndPair() && Write(unit == 0 ? Rune.ReplacementChar : new Rune(unit));
    }

    /// <summary>Half a pair that is not followed by the other half becomes U+FFFD.</summary>
    private bool EndPair()
    {
        if (_highSurrogate == 0)
            return true;
        _highSurrogate = '\0';
        return Write(Rune.ReplacementChar);
    }

    private bool Write(Rune rune)
    {
        Span<byte> utf8 = stackalloc byte[4];
        return Write(utf8[..rune.EncodeToUtf8(utf8)]);
    }

    /// <summary>Whole characters; of those that do not fit, none of a character's bytes.</summary>
    private bool Write(ReadOnlySpan<byte> characters)
    {
        var fits = Math.Min(characters.Length, max - _length);
        fits = Utf8Text.Boundary(characters, fits);
        if (_length + fits > _bytes.Length)
            Resize((int)Math.Min(max, Math.Max(Math.Max(Initial, 2L * _bytes.Length), _length + fits)));
        characters[..fits].CopyTo(_bytes.AsSpan(_length));
        Volatile.Write(ref _length, _length + fits);
        return fits == characters.Length;
    }

    private void Resize(int size)
    {
        var before = _bytes;
        var bytes = GC.AllocateUninitializedArray<byte>(size);
        before.AsSpan(0, _length).CopyTo(bytes);
        Volatile.Write(ref _bytes, bytes);
        resized(size - before.Length);
    }

    /// <summary>Takes one escape sequence off the front; <c>\u</c> gives a UTF-16 code unit.</summary>
    private static char Unescape(ref ReadOnlySpan<byte> raw)
    {
        var kind = (char)raw[1];
        if (kind != 'u')
        {
            raw = raw[2..];
            return kind switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', _ => kind };
        }
        var unit = ushort.Parse(raw.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        raw = raw[6..];
        return (char)unit;
    }
}
