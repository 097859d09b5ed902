using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// Reads an upstream's stream and gives out whole events only, so that an error event can follow any of them without
/// cutting one in half. One reader, no locks.
/// </summary>
internal sealed class EventBuffer(Stream stream)
{
    // A token's event is 150-400 bytes; a larger buffer only helps an upstream that sends faster than it is read.
    private const int Initial = 8 * 1024;
    private const int MaxEvent = 1024 * 1024;

    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(Initial);
    private int _taken;
    private int _end;

    /// <summary>The events taken since the last fill, as they came.</summary>
    public ReadOnlyMemory<byte> Taken => _bytes.AsMemory(0, _taken);

    /// <summary>Reads what is there, forgetting the taken events; false at the stream's end.</summary>
    /// <exception cref="ApiException">An event is larger than any sensible one.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancel)
    {
        _bytes.AsSpan(_taken, _end - _taken).CopyTo(_bytes);
        _end -= _taken;
        _taken = 0;
        if (_end == _bytes.Length)
        {
            if (_end >= MaxEvent)
            {
                throw new ApiException(ApiError.Server(502, "upstream_broken", "The model server sent an endless event."));
            }
            Array.Resize(ref _bytes, _end * 2);
        }
        var read = await stream.ReadAsync(_bytes.AsMemory(_end), cancel);
        _end += read;
        return read > 0;
    }

    /// <summary>Takes the next whole event.</summary>
    /// <param name="data">Its data, empty for a comment; valid until the next fill.</param>
    public bool TryTake(out ReadOnlySpan<byte> data)
    {
        var length = SseEvents.Next(_bytes.AsSpan(_taken, _end - _taken), out data);
        _taken += length;
        return length > 0;
    }
}
