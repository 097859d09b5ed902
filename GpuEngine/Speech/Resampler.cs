using System.Runtime.InteropServices;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// Changes the sample rate of speech that comes in pieces, by straight lines between samples: good enough between the
/// rates that speech is made and played at (22.05, 24, 16 kHz), and nothing for music.
/// </summary>
internal sealed class Resampler(int from, int to)
{
    private short _last; // the sample before the next piece
    private long _at;    // of the next sample out, in 1/to of a sample in, from the next piece's first

    /// <summary>The samples, as bytes, that can be computed from what came so far.</summary>
    public byte[] Process(ReadOnlySpan<short> samples)
    {
        if (samples.IsEmpty)
            return [];
        // A sample out at i + fraction needs those at i and i + 1, where i may be the one before the piece.
        var end = (long)(samples.Length - 1) * to;
        var bytes = new byte[_at >= end ? 0 : ((end - _at + from - 1) / from) * sizeof(short)];
        var result = MemoryMarshal.Cast<byte, short>(bytes.AsSpan());
        for (var i = 0; i < result.Length; i++, _at += from)
        {
            var index = (int)Math.DivRem(_at, to, out var fraction);
            if (fraction < 0)
                (index, fraction) = (index - 1, fraction + to);
            int before = index < 0 ? _last : samples[index];
            result[i] = (short)(before + ((samples[index + 1] - before) * fraction / to));
        }
        _at -= (long)samples.Length * to;
        _last = samples[^1];
        return bytes;
    }
}
