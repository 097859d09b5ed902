using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>One file of the log: appended to while it is the last one, read from anywhere, deleted whole.</summary>
internal sealed class TranscriptSegment : IDisposable
{
    private readonly SafeFileHandle _file;
    private long _length; // bytes that are whole records on disk; later bytes are ignored
    private bool _dirty;

    private TranscriptSegment(long number, string path, FileMode mode)
    {
        (Number, Path) = (number, path);
        _file = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.Read, FileOptions.None);
    }

    /// <summary>Files are in this order.</summary>
    public long Number { get; }

    public string Path { get; }

    public long Length => Volatile.Read(ref _length);

    /// <summary>The highest record of each session in it.</summary>
    public Dictionary<string, long> Last { get; } = [];

    public static TranscriptSegment Create(string folder, long number) =>
        new(number, System.IO.Path.Combine(folder, $"{number:D12}.log"), FileMode.CreateNew);

    /// <summary>Opens a file that a process left, and cuts off what it did not finish writing.</summary>
    /// <param name="found">Called with each record, in order.</param>
    /// <param name="torn">Bytes cut off.</param>
    public static TranscriptSegment Recover(string path, Action<LoggedTurn> found, out long torn)
    {
        var segment = new TranscriptSegment(
            long.Parse(System.IO.Path.GetFileNameWithoutExtension(path)), path, FileMode.Open);
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        var whole = rest.Length;
        while (TranscriptFrame.TryRead(ref rest, out var turn))
        {
            segment.Note(turn);
            found(turn);
        }
        torn = rest.Length;
        segment._length = whole - torn;
        if (torn > 0)
        {
            RandomAccess.SetLength(segment._file, segment._length);
            RandomAccess.FlushToDisk(segment._file);
        }
        return segment;
    }

    /// <summary>Writes whole records and returns when the disk has them.</summary>
    /// <exception cref="IOException">They are not recorded.</exception>
    public void Append(ReadOnlySpan<byte> frames)
    {
        // Removes what a failed write left behind the last whole record.
        if (_dirty)
            RandomAccess.SetLength(_file, _length);
        _dirty = true;
        RandomAccess.Write(_file, frames, _length);
        RandomAccess.FlushToDisk(_file);
        _dirty = false;
        Volatile.Write(ref _length, _length + frames.Length);
    }

    public void Note(LoggedTurn turn) => Last[turn.SessionId] = turn.Record.Seq;

    /// <summary>Reads the records from this byte on, at most about <paramref name="max"/> bytes of them.</summary>
    /// <returns>Where they end.</returns>
    public long Read(long from, int max, Action<LoggedTurn> found)
    {
        var length = (int)Math.Min(Length - from, max);
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            ReadOnlySpan<byte> rest = bytes.AsSpan(0, RandomAccess.Read(_file, bytes.AsSpan(0, length), from));
            var read = rest.Length;
            while (TranscriptFrame.TryRead(ref rest, out var turn))
                found(turn);
            if (rest.Length < read || Length - from <= max)
                return from + read - rest.Length;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
        return Read(from, max * 2, found); // a record larger than the piece
    }

    public void Delete()
    {
        Dispose();
        File.Delete(Path);
    }

    public void Dispose() => _file.Dispose();
}
