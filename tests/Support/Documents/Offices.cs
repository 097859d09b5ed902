using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Wordprocessing;
using DocumentFormat.OpenXml;
using Drawing = DocumentFormat.OpenXml.Drawing;
using Presentation = DocumentFormat.OpenXml.Presentation;
using Word = DocumentFormat.OpenXml.Wordprocessing;

namespace Lyceum.Tests.Support.Documents;

/// <summary>Files of Word and PowerPoint, by Microsoft's library.</summary>
public static class Offices
{
    /// <param name="blocks">
    /// <c># …</c> and <c>## …</c> are headings; a line with <c>|</c> is a table's row, those beside each other one table.
    /// </param>
    /// <param name="names">Of the styles of headings: <c>heading {0}</c>, as Word stores them in every language.</param>
    public static byte[] Docx(string[] blocks, string names = "heading {0}")
    {
        var file = new MemoryStream();
        using (var document = WordprocessingDocument.Create(file, WordprocessingDocumentType.Document))
        {
            var main = document.AddMainDocumentPart();
            var styles = main.AddNewPart<StyleDefinitionsPart>();
            styles.Styles = new Styles(Enumerable.Range(1, 2).Select(level => new Style(
                new StyleName { Val = string.Format(names, level) },
                new StyleParagraphProperties(new OutlineLevel { Val = level - 1 }))
            {
                Type = StyleValues.Paragraph, StyleId = $"h{level}",
            }));
            var body = new Body();
            Table? table = null;
            foreach (var block in blocks)
            {
                if (!block.Contains('|'))
                {
                    table = null;
                    body.Append(Paragraph(block));
                    continue;
                }
                if (table is null)
                    body.Append(table = new Table());
                table.Append(new TableRow(block.Split('|').Select(cell => new TableCell(Paragraph(cell.Trim())))));
            }
            main.Document = new Document(body);
        }
        return file.ToArray();
    }

    /// <param name="slides">A title, and lines as those of <see cref="Docx"/>.</param>
    public static byte[] Pptx(params (string Title, string[] Lines)[] slides)
    {
        var file = new MemoryStream();
        using (var document = PresentationDocument.Create(file, PresentationDocumentType.Presentation))
        {
            var main = document.AddPresentationPart();
            var ids = new Presentation.SlideIdList();
            main.Presentation = new Presentation.Presentation(ids);
            uint number = 256;
            foreach (var (title, lines) in slides)
            {
                var part = main.AddNewPart<SlidePart>();
                var shapes = new Presentation.ShapeTree(
                    Shape(Presentation.PlaceholderValues.Title, title),
                    Shape(null, [.. lines.Where(line => !line.Contains('|'))]));
                if (lines.Any(line => line.Contains('|')))
                    shapes.Append(Table(lines.Where(line => line.Contains('|'))));
                part.Slide = new Presentation.Slide(new Presentation.CommonSlideData(shapes));
                ids.Append(new Presentation.SlideId { Id = number++, RelationshipId = main.GetIdOfPart(part) });
            }
        }
        return file.ToArray();
    }

    private static Paragraph Paragraph(string text)
    {
        var level = text.TakeWhile(c => c == '#').Count();
        var paragraph = new Paragraph(new Run(new Word.Text(text[level..].Trim()) { Space = SpaceProcessingModeValues.Preserve }));
        if (level > 0)
            paragraph.PrependChild(new ParagraphProperties(new ParagraphStyleId { Val = $"h{level}" }));
        return paragraph;
    }

    private static Presentation.Shape Shape(Presentation.PlaceholderValues? kind, params string[] lines) => new(
        new Presentation.NonVisualShapeProperties(
            new Presentation.NonVisualDrawingProperties { Id = 2, Name = "shape" },
            new Presentation.NonVisualShapeDrawingProperties(),
            new Presentation.ApplicationNonVisualDrawingProperties(
                kind is { } type ? [new Presentation.PlaceholderShape { Type = type }] : Array.Empty<OpenXmlElement>())),
        new Presentation.ShapeProperties(),
        new Presentation.TextBody([new Drawing.BodyProperties(), .. lines.Select(Line)]));

    private static Drawing.Paragraph Line(string text) => new(new Drawing.Run(new Drawing.Text(text)));

    private static Presentation.GraphicFrame Table(IEnumerable<string> rows) => new(
        new Presentation.NonVisualGraphicFrameProperties(
            new Presentation.NonVisualDrawingProperties { Id = 3, Name = "table" },
            new Presentation.NonVisualGraphicFrameDrawingProperties(),
            new Presentation.ApplicationNonVisualDrawingProperties()),
        new Presentation.Transform(),
        new Drawing.Graphic(new Drawing.GraphicData(new Drawing.Table(rows.Select(row => new Drawing.TableRow(
            row.Split('|').Select(cell => new Drawing.TableCell(
                new Drawing.TextBody(new Drawing.BodyProperties(), Line(cell.Trim())), new Drawing.TableCellProperties())))
        { Height = 100 })))
        { Uri = "http://schemas.openxmlformats.org/drawingml/2006/table" }));
}
