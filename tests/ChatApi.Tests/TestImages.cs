using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SkiaSharp;

namespace Lyceum.Tests.ChatApi;

/// <summary>Images as people and attackers make them.</summary>
internal static class TestImages
{
    /// <summary>What no stored image may hold.</summary>
    public const string Secret = "lat 52.5163 lon 13.3777 secret";

    /// <summary>Top left red, top right green, bottom left blue, bottom right black.</summary>
    public static byte[] Quarters(int width = 64, int height = 48, SKEncodedImageFormat format = SKEncodedImageFormat.Jpeg)
    {
        using var bitmap = new SKBitmap(width, height);
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(SKColors.Black);
            Fill(canvas, SKRect.Create(0, 0, width / 2f, height / 2f), SKColors.Red);
            Fill(canvas, SKRect.Create(width / 2f, 0, width / 2f, height / 2f), SKColors.Lime);
            Fill(canvas, SKRect.Create(0, height / 2f, width / 2f, height / 2f), SKColors.Blue);
        }
        using var data = bitmap.Encode(format, 100);
        return data.ToArray();

        static void Fill(SKCanvas canvas, SKRect where, SKColor color)
        {
            using var paint = new SKPaint { Color = color };
            canvas.DrawRect(where, paint);
        }
    }

    /// <summary>As large as can be: no encoder makes it small.</summary>
    public static byte[] Noise(int width, int height, SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        new Random(7).NextBytes(bitmap.GetPixelSpan());
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    /// <summary>A JPEG with an orientation, a place and a description.</summary>
    public static byte[] WithExif(byte[] jpeg, ushort orientation)
    {
        // TIFF, little-endian: two folders of entries, then what is too long for them.
        var tiff = new byte[8 + 2 + 3 * 12 + 4 + 2 + 12 + 4 + 64];
        "II*\0"u8.CopyTo(tiff);
        BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(4), 8);
        tiff[8] = 3;
        const int Gps = 8 + 2 + 3 * 12 + 4, Text = Gps + 2 + 12 + 4;
        Entry(10, 0x010E, 2, Secret.Length + 1, Text);
        Entry(22, 0x0112, 3, 1, orientation);
        Entry(34, 0x8825, 4, 1, Gps);
        tiff[Gps] = 1;
        Entry(Gps + 2, 0x0001, 2, 2, 'N');
        Encoding.ASCII.GetBytes(Secret, tiff.AsSpan(Text));
        byte[] body = [.. "Exif\0\0"u8, .. tiff];
        byte[] xmp = [.. Encoding.ASCII.GetBytes($"http://ns.adobe.com/xap/1.0/\0<x>{Secret}</x>")];
        return [0xFF, 0xD8, .. Segment(0xE1, body), .. Segment(0xE1, xmp), .. Segment(0xFE, Encoding.ASCII.GetBytes(Secret)), .. jpeg.AsSpan(2)];

        void Entry(int at, ushort tag, ushort type, int count, int value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(tiff.AsSpan(at), tag);
            BinaryPrimitives.WriteUInt16LittleEndian(tiff.AsSpan(at + 2), type);
            BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(at + 4), count);
            BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(at + 8), value);
        }

        static byte[] Segment(byte marker, byte[] content) =>
            [0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content];
    }

    /// <summary>A PNG of any shape.</summary>
    /// <param name="colors">0 gray, 2 RGB, 4 gray with alpha, 6 RGBA.</param>
    /// <param name="rows">Each with its filter before it.</param>
    /// <param name="text">What a text of it says; it is compressed.</param>
    public static byte[] Png(int width, int height, byte bits, byte colors, byte[] rows, string? text = null)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bits, colors);
        return
        [
            0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. Chunk("IHDR", header),
            .. text is null ? [] : Chunk("zTXt", [.. "Comment\0\0"u8, .. Deflated(Encoding.ASCII.GetBytes(text))]),
            .. Chunk("IDAT", Deflated(rows)), .. Chunk("IEND", []),
        ];
    }

    /// <summary>An image of two frames, each a still WebP.</summary>
    public static byte[] AnimatedWebp()
    {
        var frame = Quarters(16, 16, SKEncodedImageFormat.Webp).AsSpan(12); // its chunks
        // Of an extended file the picture's own chunk alone.
        while (!frame.StartsWith("VP8 "u8) && !frame.StartsWith("VP8L"u8))
            frame = frame[(8 + (BinaryPrimitives.ReadInt32LittleEndian(frame[4..]) + 1) / 2 * 2)..];
        frame = frame[..(8 + (BinaryPrimitives.ReadInt32LittleEndian(frame[4..]) + 1) / 2 * 2)];
        byte[] animation = [.. Chunk("ANMF", [0, 0, 0, 0, 0, 0, 15, 0, 0, 15, 0, 0, 100, 0, 0, 0, .. frame])];
        byte[] chunks =
        [
            .. "WEBP"u8, .. Chunk("VP8X", [2, 0, 0, 0, 15, 0, 0, 15, 0, 0]), .. Chunk("ANIM", [0, 0, 0, 0, 0, 0]), .. animation, .. animation,
        ];
        return [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length), .. chunks];

        static byte[] Chunk(string name, byte[] content) =>
            [.. Encoding.ASCII.GetBytes(name), .. BitConverter.GetBytes(content.Length), .. content, .. new byte[content.Length % 2]];
    }

    /// <summary>Eight by eight pixels of CMYK, all alike.</summary>
    public static byte[] CmykJpeg()
    {
        byte[] ones = [.. Enumerable.Repeat((byte)1, 64)];
        byte[] counts = [1, .. new byte[15]];
        return
        [
            0xFF, 0xD8, 0xFF, 0xDB, 0, 0x43, 0, .. ones,
            0xFF, 0xC0, 0, 20, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0,
            0xFF, 0xC4, 0, 20, 0x00, .. counts, 0, 0xFF, 0xC4, 0, 20, 0x10, .. counts, 0,
            0xFF, 0xDA, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0, 0x00, 0xFF, 0xD9,
        ];
    }

    private static byte[] Chunk(string name, byte[] content)
    {
        byte[] named = [.. Encoding.ASCII.GetBytes(name), .. content];
        var sum = 0xFFFFFFFF;
        foreach (var one in named)
        {
            sum ^= one;
            for (var bit = 0; bit < 8; bit++)
                sum = (sum & 1) == 0 ? sum >> 1 : (sum >> 1) ^ 0xEDB88320;
        }
        var whole = new byte[8 + content.Length + 4];
        BinaryPrimitives.WriteInt32BigEndian(whole, content.Length);
        named.CopyTo(whole, 4);
        BinaryPrimitives.WriteUInt32BigEndian(whole.AsSpan(8 + content.Length), ~sum);
        return whole;
    }

    private static byte[] Deflated(byte[] content)
    {
        using var into = new MemoryStream();
        using (var zip = new ZLibStream(into, CompressionLevel.Fastest))
            zip.Write(content);
        return into.ToArray();
    }
}
