using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Lyceum.Tests.Support.Documents;

/// <summary>A PDF of objects that are written as they stand, right or wrong. Object 1 is the catalog.</summary>
public sealed class RawPdf
{
    private readonly List<byte[]> _objects = [];

    /// <summary>What the trailer says besides <c>/Size</c> and <c>/Root</c>.</summary>
    public string Trailer { get; init; } = "";

    /// <returns>The number of the object.</returns>
    public int Add(string body) => Add(Encoding.Latin1.GetBytes(body));

    public int Add(byte[] body)
    {
        _objects.Add(body);
        return _objects.Count;
    }

    /// <param name="entries">Of the dictionary, besides its length.</param>
    public int AddStream(byte[] content, string entries = "") => Add(
        [.. Encoding.Latin1.GetBytes($"<< /Length {content.Length} {entries} >>\nstream\n"), .. content, .. "\nendstream"u8]);

    public int AddDeflated(byte[] content, string entries = "") =>
        AddStream(Deflate(content), $"/Filter /FlateDecode {entries}");

    public static byte[] Deflate(byte[] content)
    {
        var deflated = new MemoryStream();
        using (var zlib = new ZLibStream(deflated, CompressionLevel.SmallestSize, leaveOpen: true))
            zlib.Write(content);
        return deflated.ToArray();
    }

    public byte[] ToArray()
    {
        var file = new MemoryStream();
        var offsets = new List<long>();
        Write("%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n");
        for (var i = 0; i < _objects.Count; i++)
        {
            offsets.Add(file.Position);
            Write($"{i + 1} 0 obj\n");
            file.Write(_objects[i]);
            Write("\nendobj\n");
        }
        var xref = file.Position;
        Write($"xref\n0 {_objects.Count + 1}\n0000000000 65535 f \n");
        foreach (var offset in offsets)
            Write(offset.ToString("D10", CultureInfo.InvariantCulture) + " 00000 n \n");
        Write($"trailer\n<< /Size {_objects.Count + 1} /Root 1 0 R {Trailer} >>\nstartxref\n{xref}\n%%EOF\n");
        return file.ToArray();

        void Write(string text) => file.Write(Encoding.Latin1.GetBytes(text));
    }
}
