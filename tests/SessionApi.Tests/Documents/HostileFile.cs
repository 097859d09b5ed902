using System.IO.Compression;
using System.Text;
using Lyceum.SessionApi.Knowledge;
using Lyceum.Tests.Support.Documents;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>Files that were made to overwhelm a reader, or are broken as files become; the same for the same number.</summary>
public sealed record HostileFile(string Kind, string MediaType, byte[] Content)
{
    public const int Count = 200;

    private const int Megabyte = 1024 * 1024;

    private const string Body = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";

    private static readonly (string Kind, string MediaType, Func<Random, byte[]> Make)[] Makers =
    [
        ("truncated", DocumentFiles.Pdf, random => Cut(SomePdf(random), random)),
        ("truncated", DocumentFiles.Word, random => Cut(SomeDocx(random), random)),
        ("truncated", DocumentFiles.Slides, random => Cut(SomePptx(random), random)),
        ("changed bytes", DocumentFiles.Pdf, random => Changed(SomePdf(random), random)),
        ("changed bytes", DocumentFiles.Word, random => Changed(SomeDocx(random), random)),
        ("changed bytes", DocumentFiles.Slides, random => Changed(SomePptx(random), random)),
        ("bomb", DocumentFiles.Pdf, random => PageOf(pdf => pdf.AddStream(Zeros(random.Next(200, 1500)), "/Filter /FlateDecode"))),
        ("bomb in a bomb", DocumentFiles.Pdf, random => PageOf(pdf => pdf.AddStream(
            RawPdf.Deflate(Zeros(random.Next(200, 1000))), "/Filter [/FlateDecode /FlateDecode]"))),
        ("bomb", DocumentFiles.Word, random => Docx("<w:p><w:r><w:t>", random.Next(100, 1500), "</w:t></w:r></w:p>")),
        ("bomb of elements", DocumentFiles.Word, random => DocxOf(Repeat("<w:p/>", random.Next(1, 20) * 1_000_000))),
        ("endless text", DocumentFiles.Pdf, random => PageOf(pdf => pdf.AddDeflated(Encoding.ASCII.GetBytes(
            "BT /F1 9 Tf 1 0 0 1 9 700 Tm " + Repeat("(All work and no play. ) Tj T* ", random.Next(1, 20) * 100_000) + " ET")))),
        ("endless text", DocumentFiles.Word, random => DocxOf(Repeat("<w:p><w:r><w:t>All work and no play.</w:t></w:r></w:p>", random.Next(4, 10) * 100_000))),
        ("10,000 pages", DocumentFiles.Pdf, random => Pages(random.Next(10_000, 40_000))),
        ("10,000 slides", DocumentFiles.Slides, random => SlidesOfOne(random.Next(10_000, 100_000))),
        ("pages in a circle", DocumentFiles.Pdf, random => Raw("<< /Type /Catalog /Pages 2 0 R >>", $"<< /Type /Pages /Count {random.Next(1, 9)} /Kids [2 0 R 2 0 R] >>")),
        ("pages without end", DocumentFiles.Pdf, random => Raw(
            "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 2000000000 /Kids [3 0 R] >>",
            "<< /Type /Pages /Parent 2 0 R /Count 9 /Kids [2 0 R 3 0 R] >>")),
        ("a form that draws itself", DocumentFiles.Pdf, _ => PageOf(
            pdf => pdf.AddStream("/X1 Do /X1 Do"u8.ToArray(), "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X1 4 0 R >> >>"))),
        ("objects in a circle", DocumentFiles.Pdf, _ => Raw("<< /Type /Catalog /Pages 2 0 R >>", "3 0 R", "4 0 R", "2 0 R")),
        ("a length of itself", DocumentFiles.Pdf, _ => Raw(
            "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>", "<< /Length 4 0 R >>\nstream\nBT ET\nendstream")),
        ("nested arrays", DocumentFiles.Pdf, random => Raw(
            $"<< /Type /Catalog /Pages 2 0 R /A {Repeat("[", random.Next(10_000, 2_000_000))} >>", "<< /Type /Pages /Count 0 /Kids [] >>")),
        ("nested dictionaries", DocumentFiles.Pdf, random => Raw(
            $"<< /Type /Catalog /Pages 2 0 R /A {Repeat("<< /A ", random.Next(10_000, 500_000))} >>", "<< /Type /Pages /Count 0 /Kids [] >>")),
        ("nested elements", DocumentFiles.Word, random => DocxOf(Repeat("<w:tbl><w:tr><w:tc>", random.Next(1000, 500_000)))),
        ("nested elements, closed", DocumentFiles.Word, random => Nested(random.Next(1000, 100_000))),
        ("entities", DocumentFiles.Word, _ => Laughs()),
        ("styles in a circle", DocumentFiles.Word, _ => StylesInACircle()),
        ("encrypted", DocumentFiles.Pdf, _ => Pdfs.Encrypted()),
        ("encrypted", DocumentFiles.Word, random => [0xD0, 0xCF, 0x11, 0xE0, .. Bytes(random, 9000), .. Encoding.Unicode.GetBytes("EncryptedPackage")]),
        ("wrong extension", DocumentFiles.Pdf, random => random.Next(3) switch { 0 => SomeDocx(random), 1 => "MZ\0\0"u8.ToArray(), _ => "<html>%PDX"u8.ToArray() }),
        ("wrong extension", DocumentFiles.Word, random => random.Next(3) switch { 0 => SomePptx(random), 1 => SomePdf(random), _ => Bytes(random, 5000) }),
        ("wrong extension", DocumentFiles.Slides, random => random.Next(2) == 0 ? SomeDocx(random) : "PNG"u8.ToArray()),
        ("nothing", DocumentFiles.Pdf, random => new byte[random.Next(0, 30) * Megabyte]),
        ("nothing behind a mark", DocumentFiles.Pdf, random => [.. "%PDF-1.7\n"u8, .. new byte[random.Next(1, 30) * Megabyte]]),
        ("nothing behind a mark", DocumentFiles.Word, random => [.. "PK\x03\x04"u8, .. new byte[random.Next(1, 30) * Megabyte]]),
        ("noise behind a mark", DocumentFiles.Pdf, random => [.. "%PDF-1.7\n"u8, .. Bytes(random, random.Next(1, 8) * Megabyte)]),
        ("objects of noise", DocumentFiles.Pdf, random => [.. "%PDF-1.7\n"u8, .. Encoding.ASCII.GetBytes(Repeat("1 0 obj << /Type /Catalog /Pages 1 0 R >> endobj\n", random.Next(1, 6) * 100_000))]),
        ("a table of characters without end", DocumentFiles.Pdf, _ => EndlessMeanings()),
        ("100,000 entries", DocumentFiles.Word, random => Archive(archive =>
        {
            for (var i = random.Next(50_000, 100_000); i > 0; i--)
                archive.CreateEntry($"word/{i}.xml", CompressionLevel.NoCompression);
        })),
        ("scanned", DocumentFiles.Pdf, random => Pdfs.Scanned(random.Next(1, 60))),
        ("relations to nowhere", DocumentFiles.Word, _ => Archive(archive =>
        {
            Write(archive, "word/_rels/document.xml.rels", "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">" +
                "<Relationship Id=\"a\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"http://[::1/x\" TargetMode=\"External\"/>" +
                "<Relationship Id=\"b\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"../../../etc/passwd\"/></Relationships>");
        })),
        ("no letters that mean anything", DocumentFiles.Pdf, random => Pdfs.Chinese(new string('\uE000', random.Next(1, 100)))),
    ];

    public static HostileFile Of(int number)
    {
        var random = new Random(number);
        var (kind, mediaType, make) = Makers[number % Makers.Length];
        return new(kind, mediaType, make(random));
    }

    private static byte[] SomePdf(Random random) =>
        Pdfs.Of([.. Enumerable.Range(1, random.Next(1, 6)).Select(i => string.Join('\n', Enumerable.Range(0, 30).Select(j => $"Page {i} says {j}.")))]);

    private static byte[] SomeDocx(Random random) =>
        Offices.Docx(["# 生物学", .. Enumerable.Range(0, random.Next(1, 200)).Select(i => $"第{i}段。"), "a | b"]);

    private static byte[] SomePptx(Random random) =>
        Offices.Pptx([.. Enumerable.Range(0, random.Next(1, 10)).Select(i => ($"Slide {i}", (string[])["Text.", "a | b"]))]);

    private static byte[] Cut(byte[] file, Random random) => file[..random.Next(1, file.Length)];

    private static byte[] Changed(byte[] file, Random random)
    {
        for (var i = random.Next(1, 200); i > 0; i--)
            file[random.Next(file.Length)] = (byte)random.Next(256);
        return file;
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private static string Repeat(string text, int times) => new StringBuilder(text.Length * times).Insert(0, text, times).ToString();

    /// <summary>Megabytes of zeros, deflated.</summary>
    private static byte[] Zeros(int megabytes)
    {
        var deflated = new MemoryStream();
        using (var zlib = new ZLibStream(deflated, CompressionLevel.Fastest, leaveOpen: true))
        {
            var some = new byte[Megabyte];
            for (var i = 0; i < megabytes; i++)
                zlib.Write(some);
        }
        return deflated.ToArray();
    }

    private static byte[] Raw(params string[] objects)
    {
        var pdf = new RawPdf();
        foreach (var body in objects)
            pdf.Add(body);
        return pdf.ToArray();
    }

    /// <param name="contents">Object 4, the page's contents, and a form.</param>
    private static byte[] PageOf(Action<RawPdf> contents)
    {
        var pdf = new RawPdf();
        pdf.Add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.Add("<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
        pdf.Add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /X1 4 0 R >> /Font << /F1 5 0 R >> >> >>");
        contents(pdf);
        pdf.Add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
        return pdf.ToArray();
    }

    private static byte[] Pages(int count)
    {
        var pdf = new RawPdf();
        pdf.Add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.Add($"<< /Type /Pages /Count {count} /Kids [{string.Join(' ', Enumerable.Range(0, count).Select(i => $"{4 + i} 0 R"))}] >>");
        pdf.AddStream("BT ET"u8.ToArray());
        for (var i = 0; i < count; i++)
            pdf.Add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R >>");
        return pdf.ToArray();
    }

    private static byte[] EndlessMeanings() => PageOf(pdf =>
    {
        pdf.AddDeflated("BT /F2 9 Tf <00410042> Tj ET"u8.ToArray());
        pdf.Add("<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>");
        pdf.Add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>");
        pdf.AddStream(Encoding.ASCII.GetBytes(
            "begincmap 1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange 1 beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange endcmap"));
    });

    private static byte[] DocxOf(string body) => Archive(archive => Write(archive, "word/document.xml", Document(body)));

    private static string Document(string body) => $"<?xml version=\"1.0\"?><w:document xmlns:w=\"{Body}\"><w:body>{body}</w:body></w:document>";

    private static byte[] Docx(string before, int megabytes, string after) => Archive(archive =>
    {
        archive.GetEntry("word/document.xml")!.Delete();
        using var writer = new StreamWriter(archive.CreateEntry("word/document.xml", CompressionLevel.Fastest).Open());
        var parts = Document($"{before}\0{after}").Split('\0');
        writer.Write(parts[0]);
        var some = new string('a', Megabyte);
        for (var i = 0; i < megabytes; i++)
            writer.Write(some);
        writer.Write(parts[1]);
    });

    private static byte[] Nested(int depth) => DocxOf(
        Repeat("<w:sdt><w:sdtContent>", depth) + "<w:p><w:r><w:t>deep</w:t></w:r></w:p>" + Repeat("</w:sdtContent></w:sdt>", depth));

    private static byte[] Laughs() => Archive(archive => Write(archive, "word/document.xml",
        "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"ha\">" +
        string.Concat(Enumerable.Range(1, 20).Select(i => $"<!ENTITY a{i} \"{Repeat(i == 1 ? "&a;" : $"&a{i - 1};", 10)}\">")) +
        $"]><w:document xmlns:w=\"{Body}\"><w:body><w:p><w:r><w:t>&a20;</w:t></w:r></w:p></w:body></w:document>"));

    private static byte[] StylesInACircle() => Archive(archive =>
    {
        Write(archive, "word/styles.xml",
            $"<w:styles xmlns:w=\"{Body}\"><w:style w:type=\"paragraph\" w:styleId=\"a\"><w:basedOn w:val=\"b\"/></w:style>" +
            "<w:style w:type=\"paragraph\" w:styleId=\"b\"><w:basedOn w:val=\"a\"/></w:style></w:styles>");
        Write(archive, "word/document.xml", Document("<w:p><w:pPr><w:pStyle w:val=\"a\"/></w:pPr><w:r><w:t>text</w:t></w:r></w:p>"));
    });

    private static byte[] SlidesOfOne(int count)
    {
        var file = new MemoryStream();
        file.Write(Offices.Pptx(("Title", ["Text."])));
        using (var archive = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
        {
            string xml;
            using (var reader = new StreamReader(archive.GetEntry("ppt/presentation.xml")!.Open()))
                xml = reader.ReadToEnd();
            var slide = xml[xml.IndexOf("<p:sldId ", StringComparison.Ordinal)..xml.IndexOf("</p:sldIdLst>", StringComparison.Ordinal)];
            Write(archive, "ppt/presentation.xml", xml.Replace(slide, Repeat(slide, count), StringComparison.Ordinal));
        }
        return file.ToArray();
    }

    private static byte[] Archive(Action<ZipArchive> change)
    {
        var file = new MemoryStream();
        file.Write(Offices.Docx(["text"]));
        using (var archive = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
            change(archive);
        return file.ToArray();
    }

    private static void Write(ZipArchive archive, string name, string text)
    {
        archive.GetEntry(name)?.Delete();
        using var writer = new StreamWriter(archive.CreateEntry(name, CompressionLevel.Fastest).Open());
        writer.Write(text);
    }
}
