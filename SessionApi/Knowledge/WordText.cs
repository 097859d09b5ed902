using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Wordprocessing;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// A DOCX as passages: headings by the outline of their styles, whatever those are called in the writer's language;
/// tables by rows; notes at the end. Headers, footers, comments and what was deleted are left out.
/// </summary>
internal static class WordText
{
    private const int MostHeadingLevels = 9;

    /// <summary>Styles that build on each other; more are a circle.</summary>
    private const int MostBases = 20;

    private const int MostTableDepth = 8;

    public static DocumentText Read(byte[] file, FileBounds bounds)
    {
        using var document = WordprocessingDocument.Open(new MemoryStream(file), false, OfficeText.Settings(bounds));
        var main = document.MainDocumentPart ?? throw Unreadable.WrongType("DOCX", "there is no text of Word in it");
        var check = new OfficeText.Check(bounds);
        foreach (var part in new OpenXmlPart?[] { main, main.StyleDefinitionsPart, main.FootnotesPart, main.EndnotesPart })
            check.Part(part);

        var styles = new Styles(main.StyleDefinitionsPart?.Styles);
        var passages = new PassageCollector(bounds.MaxText);
        using (var reader = OpenXmlReader.Create(main))
        {
            // Block by block: a whole book as objects would need hundreds of megabytes.
            while (reader.Read())
            {
                if (!reader.IsStartElement)
                    continue;
                if (reader.ElementType == typeof(AlternateContentFallback))
                    reader.Skip();
                else if (reader.ElementType == typeof(Paragraph) || reader.ElementType == typeof(Table))
                    Add(reader.LoadCurrentElement()!, styles, passages, depth: 0);
            }
        }
        passages.Heading(0, "");
        foreach (var note in Notes(main.FootnotesPart?.Footnotes).Concat(Notes(main.EndnotesPart?.Endnotes)))
            passages.Add(OfficeText.Of(note));
        return new(passages.Done());
    }

    private static void Add(OpenXmlElement block, Styles styles, PassageCollector passages, int depth)
    {
        if (block is Paragraph paragraph)
        {
            if (styles.IsContents(paragraph))
                return;
            var text = OfficeText.Of(paragraph);
            if (text.Length > 0 && styles.LevelOf(paragraph) is { } level)
                passages.Heading(level, text);
            else
                passages.Add(text);
        }
        else if (block is Table table)
        {
            foreach (var row in table.Elements<TableRow>())
            {
                var cells = row.Elements<TableCell>().ToList();
                // A frame around a text rather than a table.
                if (cells.Count == 1 && depth < MostTableDepth)
                {
                    foreach (var child in cells[0].ChildElements)
                        Add(child, styles, passages, depth + 1);
                }
                else
                {
                    passages.Add(OfficeText.Row(cells));
                }
            }
        }
    }

    private static IEnumerable<OpenXmlElement> Notes(OpenXmlPartRootElement? notes) =>
        notes?.Elements<FootnoteEndnoteType>().Where(note => note.Type is null || note.Type.Value == FootnoteEndnoteValues.Normal)
        ?? [];

    /// <summary>What the styles of paragraphs say: Word and WPS name them differently in each language.</summary>
    private sealed class Styles(DocumentFormat.OpenXml.Wordprocessing.Styles? styles)
    {
        private readonly Dictionary<string, Style> _byId = (styles?.Elements<Style>() ?? [])
            .Where(style => style.StyleId?.Value is not null)
            .GroupBy(style => style.StyleId!.Value!).ToDictionary(same => same.Key, same => same.First());

        /// <returns>0 for a document's title, 1 to 9 for headings, null for what is none.</returns>
        public int? LevelOf(Paragraph paragraph)
        {
            if (paragraph.ParagraphProperties?.OutlineLevel?.Val?.Value is { } own)
                return Level(own);
            foreach (var style in Of(paragraph))
            {
                var name = style.StyleName?.Val?.Value?.ToLowerInvariant() ?? "";
                if (name is "title" or "标题")
                    return 0;
                if (style.StyleParagraphProperties?.OutlineLevel?.Val?.Value is { } outline)
                    return Level(outline);
                // Built-in styles have their outline by name where the file does not repeat it.
                if (name.StartsWith("heading ", StringComparison.Ordinal) && int.TryParse(name[8..], out var number))
                    return Level(number - 1);
            }
            return null;
        }

        /// <summary>A line of a table of contents: it repeats the headings, with page numbers.</summary>
        public bool IsContents(Paragraph paragraph) => Of(paragraph).Any(style =>
            style.StyleName?.Val?.Value is { } name && name.StartsWith("toc ", StringComparison.OrdinalIgnoreCase));

        private static int? Level(int outline) => outline is >= 0 and < MostHeadingLevels ? outline + 1 : null;

        private IEnumerable<Style> Of(Paragraph paragraph)
        {
            var id = paragraph.ParagraphProperties?.ParagraphStyleId?.Val?.Value;
            for (var i = 0; i < MostBases && id is not null && _byId.TryGetValue(id, out var style); i++)
            {
                yield return style;
                id = style.BasedOn?.Val?.Value;
            }
        }
    }
}
