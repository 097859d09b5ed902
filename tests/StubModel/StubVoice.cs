using System.Runtime.InteropServices;
using System.Text;

namespace Lyceum.Tests.StubModel;

/// <summary>
/// Speech whose samples are its text: each UTF-8 byte is a run of equal samples, ten milliseconds long, loud enough for any
/// voice detection; zeros are silence. So a test can say by the samples alone which text was spoken, and how much of it.
/// </summary>
public static class StubVoice
{
    private const int Loud = 4_096;
    private const int Step = 64;

    /// <summary>Samples of one byte of text, at this rate.</summary>
    public static int SamplesPerByte(int rate) => rate / 100;

    /// <summary>PCM16 mono.</summary>
    public static byte[] Say(string text, int rate)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var samples = new short[bytes.Length * SamplesPerByte(rate)];
        for (var i = 0; i < bytes.Length; i++)
        {
            samples.AsSpan(i * SamplesPerByte(rate), SamplesPerByte(rate)).Fill((short)(Loud + (bytes[i] * Step)));
        }
        return MemoryMarshal.AsBytes(samples.AsSpan()).ToArray();
    }

    /// <summary>PCM16 mono in which nothing is said.</summary>
    public static byte[] Silence(int milliseconds, int rate) => new byte[rate / 1000 * milliseconds * sizeof(short)];

    /// <summary>The text that was said; a byte of which more than half is missing is left out.</summary>
    public static string Hear(ReadOnlySpan<byte> pcm, int rate)
    {
        var said = new List<byte>();
        var loud = new List<short>();
        foreach (var sample in MemoryMarshal.Cast<byte, short>(pcm))
        {
            if (sample >= Loud)
            {
                loud.Add(sample);
            }
        }
        for (var at = SamplesPerByte(rate) / 2; at < loud.Count; at += SamplesPerByte(rate))
        {
            said.Add((byte)((loud[at] - Loud) / Step));
        }
        return Encoding.UTF8.GetString([.. said]);
    }
}
