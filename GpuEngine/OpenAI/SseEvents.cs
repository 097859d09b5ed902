namespace Lyceum.GpuEngine.OpenAI;

/// <summary>Finds whole server-sent events in a buffer that is still being filled.</summary>
internal static class SseEvents
{
    /// <summary>
    /// Length of the first whole event with the blank line that ends it; 0 where the buffer holds none yet.
    /// </summary>
    /// <param name="data">The event's data line: in this protocol there is one. Empty for comments.</param>
    public static int Next(ReadOnlySpan<byte> buffer, out ReadOnlySpan<byte> data)
    {
        data = default;
        for (var position = 0; ;)
        {
            var newline = buffer[position..].IndexOf((byte)'\n');
            if (newline < 0)
            {
                return 0;
            }
            var line = buffer.Slice(position, newline);
            position += newline + 1;
            if (line is [.., (byte)'\r'])
            {
                line = line[..^1];
            }
            if (line.IsEmpty)
            {
                return position;
            }
            if (line.StartsWith("data:"u8))
            {
                data = line["data:"u8.Length..].TrimStart((byte)' ');
            }
        }
    }
}
