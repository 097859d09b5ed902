using System.Text;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.Fonts.Standard14Fonts;
using UglyToad.PdfPig.Writer;

namespace Lyceum.Tests.Support.Documents;

/// <summary>PDFs: those of a library for Latin text, and of our own for what it has no fonts for.</summary>
public static class Pdfs
{
    private const double Size = 11;

    /// <param name="pages">Each with its lines; a line with tabs is a table's row.</param>
    public static byte[] Of(params string[] pages)
    {
        using var builder = new PdfDocumentBuilder();
        var font = builder.AddStandard14Font(Standard14Font.Helvetica);
        foreach (var text in pages)
        {
            var page = builder.AddPage(PageSize.A4);
            var y = 780.0;
            foreach (var line in text.Split('\n'))
            {
                var cells = line.Split('\t');
                for (var i = 0; i < cells.Length; i++)
                {
                    if (cells[i].Length > 0)
                        page.AddText(cells[i], Size, new PdfPoint(50 + 160 * i, y), font);
                }
                y -= 14;
            }
        }
        return builder.Build();
    }

    /// <summary>As Chinese programs print: glyphs by number, with a table of what they mean.</summary>
    public static byte[] Chinese(params string[] pages)
    {
        var characters = string.Concat(pages).Where(c => c != '\n').Distinct().Order().ToList();
        var meanings = new StringBuilder(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapType 2 def\n" +
            "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n");
        foreach (var some in characters.Chunk(100))
        {
            meanings.Append($"{some.Length} beginbfchar\n");
            foreach (var c in some)
                meanings.Append($"<{(int)c:X4}> <{(int)c:X4}>\n");
            meanings.Append("endbfchar\n");
        }
        meanings.Append("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend");

        var pdf = new RawPdf();
        pdf.Add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.Add($"<< /Type /Pages /Count {pages.Length} /Kids [{string.Join(' ', pages.Select((_, i) => $"{7 + 2 * i} 0 R"))}] >>");
        pdf.Add("<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>");
        pdf.Add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /SimSun /DW 1000 /FontDescriptor 6 0 R " +
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>");
        pdf.AddDeflated(Encoding.ASCII.GetBytes(meanings.ToString()));
        pdf.Add("<< /Type /FontDescriptor /FontName /SimSun /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 900 " +
            "/Descent -200 /CapHeight 700 /StemV 80 >>");
        foreach (var text in pages)
        {
            var number = 7 + 2 * Array.IndexOf(pages, text);
            pdf.Add($"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R " +
                "/Resources << /Font << /F1 3 0 R >> >> >>");
            var lines = text.Split('\n').Select(line => $"<{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(line))}> Tj T*");
            pdf.AddDeflated(Encoding.ASCII.GetBytes($"BT /F1 12 Tf 16 TL 50 780 Td {string.Join('\n', lines)} ET"));
        }
        return pdf.ToArray();
    }

    /// <summary>Pages that are pictures.</summary>
    public static byte[] Scanned(int pages)
    {
        var pdf = new RawPdf();
        pdf.Add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.Add($"<< /Type /Pages /Count {pages} /Kids [{string.Join(' ', Enumerable.Range(0, pages).Select(i => $"{5 + i} 0 R"))}] >>");
        pdf.AddDeflated(new byte[64 * 64], "/Type /XObject /Subtype /Image /Width 64 /Height 64 /ColorSpace /DeviceGray /BitsPerComponent 8");
        pdf.AddStream("q 595 0 0 842 0 0 cm /Im1 Do Q"u8.ToArray());
        for (var i = 0; i < pages; i++)
        {
            pdf.Add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R " +
                "/Resources << /XObject << /Im1 3 0 R >> >> >>");
        }
        return pdf.ToArray();
    }

    /// <summary>It asks for a password that nobody has.</summary>
    public static byte[] Encrypted()
    {
        var secret = string.Concat(Enumerable.Repeat("5C", 32));
        var pdf = new RawPdf
        {
            Trailer = $"/Encrypt 4 0 R /ID [<{secret[..32]}> <{secret[..32]}>]",
        };
        pdf.Add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.Add("<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
        pdf.Add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>");
        pdf.Add($"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <{secret}> /U <{secret}> >>");
        return pdf.ToArray();
    }
}
