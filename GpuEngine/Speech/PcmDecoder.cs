using System.Runtime.InteropServices;
using Lyceum.GpuEngine.Upstream;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// Turns what a synthesizer sends, in pieces of any length, into whole samples of PCM16 mono at the rate wanted: bare
/// samples, or a WAV file, which some servers send although <c>pcm</c> was asked for.
/// </summary>
/// <param name="bareRate">Samples a second where there is no header to say it.</param>
internal sealed class PcmDecoder(int bareRate, int rate)
{
    private const int MaxHeader = 64 * 1024;

    private byte[] _held = []; // a header not yet whole, or half a sample
    private bool _begun;
    private long _left = long.MaxValue;
    private Resampler? _resampler;

    /// <returns>The samples; a buffer of the caller's own.</returns>
    /// <exception cref="OpenAI.ApiException">It is audio of another kind.</exception>
    public ReadOnlyMemory<byte> Decode(ReadOnlySpan<byte> bytes)
    {
        byte[] all = [.. _held, .. bytes];
        var start = 0;
        if (!_begun && !TryBegin(all, out start))
        {
            _held = all;
            return default;
        }
        var take = (int)Math.Min(_left, all.Length - start) & ~1;
        _left -= take;
        _held = _left > 0 ? all[(start + take)..] : [];
        var samples = all.AsMemory(start, take);
        return _resampler is null ? samples : _resampler.Process(MemoryMarshal.Cast<byte, short>(samples.Span));
    }

    private bool TryBegin(ReadOnlySpan<byte> all, out int start)
    {
        var source = bareRate;
        start = 0;
        if (all.Length < 4)
            return false;
        if (all.StartsWith("RIFF"u8))
        {
            try
            {
                if (!Wav.TryReadHeader(all, out start, out source, out _left))
                    return all.Length <= MaxHeader ? false : throw new InvalidDataException("an endless header");
            }
            catch (InvalidDataException e)
            {
                throw UpstreamErrors.Broken($"sent {e.Message}", e);
            }
        }
        _resampler = source == rate ? null : new Resampler(source, rate);
        return _begun = true;
    }
}
