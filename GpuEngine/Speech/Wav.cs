using System.Buffers.Binary;

namespace Lyceum.GpuEngine.Speech;

/// <summary>WAV files of PCM16 mono: what speech servers take, and what carries its sample rate with it.</summary>
internal static class Wav
{
    public const int HeaderBytes = 44;

    /// <summary>A whole file.</summary>
    public static byte[] File(ReadOnlySpan<byte> pcm, int rate)
    {
        var wav = new byte[HeaderBytes + pcm.Length];
        WriteHeader(wav, pcm.Length, rate);
        pcm.CopyTo(wav.AsSpan(HeaderBytes));
        return wav;
    }

    private static void WriteHeader(Span<byte> to, int length, int rate)
    {
        "RIFF"u8.CopyTo(to);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], HeaderBytes - 8 + length);
        "WAVEfmt "u8.CopyTo(to[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(to[16..], 16); // bytes of the format that follows
        BinaryPrimitives.WriteInt16LittleEndian(to[20..], 1); // PCM
        BinaryPrimitives.WriteInt16LittleEndian(to[22..], 1); // channels
        BinaryPrimitives.WriteInt32LittleEndian(to[24..], rate);
        BinaryPrimitives.WriteInt32LittleEndian(to[28..], rate * 2); // bytes a second
        BinaryPrimitives.WriteInt16LittleEndian(to[32..], 2); // bytes a sample
        BinaryPrimitives.WriteInt16LittleEndian(to[34..], 16); // bits a sample
        "data"u8.CopyTo(to[36..]);
        BinaryPrimitives.WriteInt32LittleEndian(to[40..], length);
    }

    /// <summary>Reads a header, whole or in part.</summary>
    /// <param name="start">Where the samples begin.</param>
    /// <param name="length">Bytes of samples; <see cref="long.MaxValue"/> where the file was streamed and does not know.</param>
    /// <returns>False where more bytes are needed.</returns>
    /// <exception cref="InvalidDataException">It holds something else than PCM16 mono.</exception>
    public static bool TryReadHeader(ReadOnlySpan<byte> wav, out int start, out int rate, out long length)
    {
        (start, rate, length) = (12, 0, 0);
        while (wav.Length >= start + 8)
        {
            var size = BinaryPrimitives.ReadUInt32LittleEndian(wav[(start + 4)..]);
            var chunk = wav.Slice(start, 4);
            start += 8;
            if (chunk.SequenceEqual("data"u8))
            {
                // A streamed file has an impossible size: 0, or about the largest.
                length = size is 0 or >= 0x7FFF_0000 ? long.MaxValue : size;
                return rate > 0 ? true : throw new InvalidDataException("a WAV file without a format");
            }
            if (wav.Length < start + size)
                return false;
            if (chunk.SequenceEqual("fmt "u8) && size >= 16)
            {
                var format = wav[start..];
                rate = BinaryPrimitives.ReadInt32LittleEndian(format[4..]);
                if (BinaryPrimitives.ReadInt16LittleEndian(format[2..]) != 1 || BinaryPrimitives.ReadInt16LittleEndian(format[14..]) != 16
                    || rate is < 4_000 or > 192_000)
                {
                    throw new InvalidDataException("a WAV file that is not PCM16 mono");
                }
            }
            start += (int)(size + (size & 1)); // chunks are padded to even lengths
        }
        return false;
    }
}
