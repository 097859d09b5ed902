using System.Threading.Channels;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Speech;

namespace Lyceum.GpuEngine.Sessions.Speaking;

/// <summary>
/// The audio of one sentence on its way from the synthesizer to the client, in pieces of equal length but for the last.
/// It is buffered as fast as it is made, so that a client that plays slowly occupies no process and no connection;
/// bounded by
/// <paramref name="maxBytes"/>.
/// </summary>
internal sealed class SentenceAudio(Sentence sentence, int textStart, int textEnd, int pieceBytes, int maxBytes)
{
    private readonly Channel<Piece> _pieces = Channel.CreateUnbounded<Piece>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private byte[]? _piece; // being filled; sent when more follows, so that the last one is known as such
    private int _filled;
    private int _bytes;

    public readonly record struct Piece(ReadOnlyMemory<byte> Pcm, bool IsLast);

    public Sentence Sentence => sentence;

    /// <summary>In UTF-8 bytes of the turn's text.</summary>
    public int TextStart => textStart;

    public int TextEnd => textEnd;

    /// <summary>Ends with the failure, if it failed.</summary>
    public ChannelReader<Piece> Pieces => _pieces.Reader;

    /// <exception cref="ApiException">It is longer than any sentence.</exception>
    public void Add(ReadOnlySpan<byte> pcm)
    {
        if ((_bytes += pcm.Length) > maxBytes)
            throw new ApiException(ApiError.Server(502, "speech_failed", "The speech of one sentence does not end."));
        while (!pcm.IsEmpty)
        {
            if (_filled == pieceBytes)
            {
                _pieces.Writer.TryWrite(new Piece(_piece, IsLast: false));
                (_piece, _filled) = (null, 0);
            }
            _piece ??= new byte[pieceBytes];
            var take = Math.Min(pcm.Length, pieceBytes - _filled);
            pcm[..take].CopyTo(_piece.AsSpan(_filled));
            _filled += take;
            pcm = pcm[take..];
        }
    }

    public void Complete(Exception? failure = null)
    {
        if (failure is null && _filled > 0)
            _pieces.Writer.TryWrite(new Piece(_piece.AsMemory(0, _filled), IsLast: true));
        _pieces.Writer.TryComplete(failure);
    }
}
