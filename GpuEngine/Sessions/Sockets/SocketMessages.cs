using System.Buffers;
using System.Net.WebSockets;

namespace Lyceum.GpuEngine.Sessions.Sockets;

internal enum MessageResult
{
    Message,
    Closed,
    TooLarge,
}

/// <summary>
/// Whole messages of a WebSocket, one at a time, in a buffer that is rented for each. Used by one thread.
/// </summary>
internal sealed class SocketMessages(WebSocket socket, int maxBytes)
{
    private const int FirstBuffer = 4 * 1024;

    private byte[]? _buffer;
    private int _length;

    /// <summary>The message, until <see cref="Release"/>.</summary>
    public ReadOnlyMemory<byte> Message => _buffer.AsMemory(0, _length);

    public async ValueTask<(MessageResult Result, WebSocketMessageType Type)> NextAsync(CancellationToken cancel)
    {
        // No buffer until a message comes: an idle session holds none.
        var part = await socket.ReceiveAsync(Memory<byte>.Empty, cancel);
        (_buffer, _length) = (ArrayPool<byte>.Shared.Rent(FirstBuffer), 0);
        while (part.MessageType is not WebSocketMessageType.Close && !part.EndOfMessage)
        {
            if (_length == _buffer.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
                _buffer.CopyTo(larger, 0);
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = larger;
            }
            part = await socket.ReceiveAsync(_buffer.AsMemory(_length), cancel);
            _length += part.Count;
            if (_length > maxBytes)
                return (MessageResult.TooLarge, part.MessageType);
        }
        return (part.MessageType is WebSocketMessageType.Close ? MessageResult.Closed : MessageResult.Message, part.MessageType);
    }

    public void Release()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            _length = 0;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Drops messages up to the client's close.</summary>
    public async Task DrainAsync(CancellationToken cancel)
    {
        Release();
        while (socket.State is WebSocketState.Open or WebSocketState.CloseSent)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
            try
            {
                await socket.ReceiveAsync(buffer.AsMemory(), cancel);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
