using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Presentation;
using Drawing = DocumentFormat.OpenXml.Drawing;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// A PPTX as passages: each slide by itself, under its title; tables by rows. Hidden slides and the speaker's notes are
/// left out: students would read what was not shown to them.
/// </summary>
internal static class SlideText
{
    public static DocumentText Read(byte[] file, FileBounds bounds)
    {
        using var document = PresentationDocument.Open(new MemoryStream(file), false, OfficeText.Settings(bounds));
        var main = document.PresentationPart ?? throw Unreadable.WrongType("PPTX", "there are no slides in it");
        var check = new OfficeText.Check(bounds);
        check.Part(main);
        var ids = main.Presentation?.SlideIdList?.Elements<SlideId>().Select(slide => slide.RelationshipId?.Value).ToList() ?? [];
        if (ids.Count > bounds.MaxPages)
            throw Unreadable.TooManyPages(ids.Count, bounds.MaxPages);

        var passages = new PassageCollector(bounds.MaxText);
        for (var i = 0; i < ids.Count; i++)
        {
            if (ids[i] is not { } id || !main.TryGetPartById(id, out var part) || part is not SlidePart slide)
                continue;
            check.Part(slide);
            passages.Page(i + 1);
            Add(slide, check, passages);
            slide.UnloadRootElement();
        }
        return new(passages.Done(), ids.Count);
    }

    private static void Add(SlidePart part, OfficeText.Check check, PassageCollector passages)
    {
        if (part.Slide is not { } slide || slide.Show?.Value == false || slide.CommonSlideData?.ShapeTree is not { } shapes)
            return;
        var title = shapes.Descendants<Shape>().FirstOrDefault(shape => Kind(shape) is { } kind
            && (kind == PlaceholderValues.Title || kind == PlaceholderValues.CenteredTitle));
        if (title is not null && OfficeText.Of(title) is { Length: > 0 } text)
        {
            passages.Heading(1, text);
            // A slide with a title only would be found by nothing.
            if (shapes.Descendants<Shape>().All(shape => shape == title || OfficeText.Of(shape).Length == 0)
                && !shapes.Descendants<GraphicFrame>().Any())
                passages.Add(text);
        }
        Add(shapes, title, passages);
        foreach (var diagram in part.DiagramDataParts)
        {
            check.Part(diagram);
            foreach (var paragraph in diagram.RootElement?.Descendants<Drawing.Paragraph>() ?? [])
                passages.Add(OfficeText.Of(paragraph));
        }
    }

    private static void Add(OpenXmlElement shapes, Shape? title, PassageCollector passages)
    {
        foreach (var shape in shapes.ChildElements)
        {
            if (shape is AlternateContentFallback || shape == title)
                continue;
            if (shape is Shape { TextBody: { } body } box && !IsOfTheMaster(box))
            {
                foreach (var paragraph in body.Elements<Drawing.Paragraph>())
                    passages.Add(OfficeText.Of(paragraph));
            }
            else if (shape is GraphicFrame frame)
            {
                foreach (var row in frame.Descendants<Drawing.TableRow>())
                    passages.Add(OfficeText.Row(row.Elements<Drawing.TableCell>()));
            }
            else if (shape is GroupShape or AlternateContent or AlternateContentChoice)
            {
                Add(shape, title, passages);
            }
        }
    }

    private static PlaceholderValues? Kind(Shape shape) =>
        shape.NonVisualShapeProperties?.ApplicationNonVisualDrawingProperties?.PlaceholderShape?.Type?.Value;

    /// <summary>What stands on every slide.</summary>
    private static bool IsOfTheMaster(Shape shape) => Kind(shape) is { } kind
        && (kind == PlaceholderValues.DateAndTime || kind == PlaceholderValues.Footer || kind == PlaceholderValues.SlideNumber
            || kind == PlaceholderValues.Header);
}
