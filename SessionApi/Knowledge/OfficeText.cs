using System.IO.Compression;
using System.Text;
using System.Xml;
using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using Lyceum.Text;
using Drawing = DocumentFormat.OpenXml.Drawing;
using Math = DocumentFormat.OpenXml.Math;
using Word = DocumentFormat.OpenXml.Wordprocessing;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>What DOCX and PPTX have in common: ZIP archives of XML.</summary>
internal static class OfficeText
{
    /// <summary>Elements within elements. Real files have some dozens; deeper ones would overflow the stack.</summary>
    private const int MostNested = 256;

    /// <summary>
    /// Characters of XML for each of text: Word surrounds a short run with hundreds. What an archive unpacks to is counted
    /// while it is unpacked, as its own figures may lie.
    /// </summary>
    private const int XmlPerText = 16;

    // Of the part that a file opens with; others of these names may be embedded in it.
    private static readonly (string Kind, string[] Marks)[] Kinds =
    [
        ("DOCX", ["wordprocessingml.document.main+xml", "wordprocessingml.template.main+xml", "ms-word.document.macroEnabled.main+xml"]),
        ("PPTX", [
            "presentationml.presentation.main+xml", "presentationml.slideshow.main+xml", "presentationml.template.main+xml",
            "ms-powerpoint.presentation.macroEnabled.main+xml"]),
        ("XLSX", ["spreadsheetml.sheet.main+xml"]),
    ];

    private const int MostContentTypes = 1024 * 1024; // characters

    /// <returns>Null where it is something else in a ZIP archive.</returns>
    public static string? KindOf(byte[] file)
    {
        using var archive = new ZipArchive(new MemoryStream(file));
        if (archive.GetEntry("[Content_Types].xml") is not { } types)
            return null;
        using var reader = new StreamReader(types.Open());
        var buffer = new char[MostContentTypes];
        var text = (ReadOnlySpan<char>)buffer.AsSpan(0, reader.ReadBlock(buffer));
        foreach (var (kind, marks) in Kinds)
        {
            foreach (var mark in marks)
            {
                if (text.Contains(mark, StringComparison.Ordinal))
                    return kind;
            }
        }
        return null;
    }

    public static OpenSettings Settings(FileBounds bounds) => new()
    {
        AutoSave = false,
        MaxCharactersInPart = (long)bounds.MaxText * XmlPerText,
    };

    /// <summary>
    /// Reads parts to their ends before the library makes objects of them. Not for two threads.
    /// </summary>
    public sealed class Check(FileBounds bounds)
    {
        private long _remaining = (long)bounds.MaxText * XmlPerText;

        public void Part(OpenXmlPart? part)
        {
            if (part is null)
                return;
            using var characters = new Counted(part.GetStream(FileMode.Open, FileAccess.Read), count =>
            {
                if ((_remaining -= count) < 0)
                    throw Unreadable.TooMuchText(bounds.MaxText);
            });
            using var reader = XmlReader.Create(
                characters, new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            while (reader.Read())
            {
                if (reader.Depth > MostNested)
                    throw new InvalidDataException("nested too deeply");
            }
        }

        private sealed class Counted(Stream stream, Action<int> read) : StreamReader(stream)
        {
            public override int Read(char[] buffer, int index, int count)
            {
                var characters = base.Read(buffer, index, count);
                read(characters);
                return characters;
            }
        }
    }

    /// <summary>The text of an element, in the order in which it is read, without what is not shown.</summary>
    public static void Append(OpenXmlElement element, StringBuilder text)
    {
        switch (element)
        {
            case Word.Text or Drawing.Text or Math.Text:
                text.Append(element.InnerText);
                return;
            case Word.TabChar or Word.Break
                or Word.CarriageReturn or Drawing.Break:
                text.Append(' ');
                return;
            case Word.NoBreakHyphen:
                text.Append('-');
                return;
            // Where it was, and what a newer program shows instead of it; how a character is pronounced.
            case Word.MoveFromRun or AlternateContentFallback
                or Word.RubyContent:
            case Word.Run { RunProperties.Vanish: { } vanish }
                when vanish.Val is null || vanish.Val.Value:
                return;
        }
        foreach (var child in element.ChildElements)
            Append(child, text);
        if (element is Word.Paragraph or Drawing.Paragraph)
            text.Append(' '); // a paragraph within a cell, or a text box
    }

    public static string Of(OpenXmlElement element)
    {
        var text = new StringBuilder();
        Append(element, text);
        return Clean(text.ToString());
    }

    /// <summary>The rows of a table, each as <c>a | b | c</c>.</summary>
    public static string Row(IEnumerable<OpenXmlElement> cells)
    {
        var texts = cells.Select(Of).ToList();
        return texts.TrueForAll(cell => cell.Length == 0) ? "" : string.Join(" | ", texts);
    }

    private static string Clean(string text) => string.Join(
        ' ', StorableText.Of(text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
