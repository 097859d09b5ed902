using System.Diagnostics;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.Bench;

/// <summary>Compares text that comes in with the stub's next expected token, and notes when each was whole.</summary>
internal sealed class TokenCheck(long seed, int tokens, bool unicode)
{
    private readonly byte[] _expected = new byte[StubText.MaxTokenBytes];
    private int _expectedLength;
    private int _matched;

    /// <summary>When each token's last byte came, in <see cref="Stopwatch"/> ticks.</summary>
    public long[] Arrivals { get; } = new long[tokens];

    /// <summary>Tokens that came in whole and right so far.</summary>
    public int Received { get; private set; }

    /// <summary>UTF-8 bytes of those.</summary>
    public long Bytes { get; private set; }

    /// <summary>The first thing that was not as expected.</summary>
    public string? Fault { get; private set; }

    public void Take(ReadOnlySpan<byte> text, long now)
    {
        while (!text.IsEmpty && Fault is null)
        {
            if (_matched == _expectedLength)
            {
                if (Received == tokens)
                {
                    Fault = "text after the last token";
                    return;
                }
                (_expectedLength, _matched) = (StubText.Write(seed, Received, unicode, _expected), 0);
            }
            var part = Math.Min(text.Length, _expectedLength - _matched);
            if (!text[..part].SequenceEqual(_expected.AsSpan(_matched, part)))
            {
                Fault = $"wrong text at token {Received}";
                return;
            }
            _matched += part;
            text = text[part..];
            if (_matched == _expectedLength)
            {
                Arrivals[Received++] = now;
                Bytes += _expectedLength;
            }
        }
    }

    /// <summary>Milliseconds by which each token came later than the stub was to send it.</summary>
    /// <param name="sent">When it was asked, in <see cref="Stopwatch"/> ticks.</param>
    /// <param name="rate">Tokens a second.</param>
    public IEnumerable<double> LatenessMs(long sent, double rate) => Arrivals.Take(Received)
        .Select((at, i) => Stopwatch.GetElapsedTime(sent, at).TotalMilliseconds - (i * 1000 / rate));
}
