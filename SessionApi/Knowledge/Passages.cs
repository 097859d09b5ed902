using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Lyceum.ServiceDefaults.Errors;
using Markdig;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>A piece of a document, small enough to be quoted.</summary>
/// <param name="Section">The headings it stands under, outermost first, joined by <c> › </c>; empty before the first.</param>
/// <param name="Page">The page or slide it stands on, from 1; null where the document has none.</param>
public sealed record Passage(string Section, string Text, int? Page = null);

/// <summary>
/// Documents as passages. Markdown becomes HTML, and HTML is read as a browser reads it: headings say what a passage is about,
/// blocks that belong together stay together, and scripts and navigation are left out.
/// </summary>
public static class Passages
{
    /// <summary>Elements within elements. Real documents have fewer, and reading costs their square.</summary>
    private const int MostNested = 256;

    // Raw HTML inside Markdown is read like any other HTML afterwards; nothing is ever shown as HTML.
    private static readonly MarkdownPipeline Markdown =
        new MarkdownPipelineBuilder().UsePipeTables().UseDefinitionLists().UseFootnotes().UseYamlFrontMatter().Build();

    /// <summary>The media types that are texts. Files are <see cref="DocumentFiles.MediaTypes"/>.</summary>
    public static readonly IReadOnlyList<string> MediaTypes = ["text/markdown", "text/plain", "text/html"];

    /// <param name="mediaType">One of <see cref="MediaTypes"/>.</param>
    /// <exception cref="ProblemException">400: nested too deeply.</exception>
    public static IReadOnlyList<Passage> Of(string mediaType, string content) => mediaType switch
    {
        "text/markdown" => OfHtml(ToHtml(content)),
        "text/html" => OfHtml(content),
        _ => OfText(content),
    };

    private static string ToHtml(string markdown)
    {
        try
        {
            return Markdig.Markdown.ToHtml(markdown, Markdown);
        }
        catch (ArgumentException)
        {
            throw TooNested(); // the one thing that Markdig rejects
        }
    }

    private static List<Passage> OfText(string text)
    {
        var passages = new PassageCollector();
        foreach (var paragraph in text.ReplaceLineEndings("\n").Split("\n\n"))
            passages.Add(paragraph.Trim());
        return passages.Done();
    }

    private static List<Passage> OfHtml(string html)
    {
        INode? last = null;
        using var document = new HtmlParser(new HtmlParserOptions
        {
            // While it is read: an element has its place when the next one is made.
            OnCreated = (element, _) =>
            {
                if (IsTooNested(last))
                    throw TooNested();
                last = element;
            },
        }).ParseDocument(html);
        var passages = new PassageCollector();
        if (document.Body is { } body)
            Walk(body, passages, WithBlocks(body));
        return passages.Done();
    }

    /// <summary>The elements that contain a block: each is visited once, however deep the blocks are.</summary>
    private static HashSet<IElement> WithBlocks(IElement body)
    {
        var found = new HashSet<IElement>();
        foreach (var block in body.QuerySelectorAll("p, h1, h2, h3, h4, h5, h6, li, pre, table, div"))
        {
            for (var outer = block.ParentElement; outer is not null && found.Add(outer);)
                outer = outer.ParentElement;
        }
        return found;
    }

    private static bool IsTooNested(INode? node)
    {
        var depth = 0;
        for (; node is not null && depth <= MostNested; node = node.Parent)
            depth++;
        return depth > MostNested;
    }

    private static ProblemException TooNested() =>
        new(400, ErrorCodes.InvalidRequest, $"The document is nested too deeply: {MostNested} elements within each other are read.");

    private static void Walk(IElement element, PassageCollector passages, HashSet<IElement> withBlocks)
    {
        var inline = new StringBuilder(); // text that stands between blocks
        foreach (var node in element.ChildNodes)
        {
            if (node is IText text)
            {
                inline.Append(text.Data);
                continue;
            }
            if (node is not IElement child || IsNoText(child))
                continue;
            if (!IsBlock(child) && !withBlocks.Contains(child)) // an element that contains a block is one
            {
                AppendText(child, inline);
                continue;
            }
            passages.Add(Collapse(inline));
            if (Level(child) is { } level)
                passages.Heading(level, TextOf(child));
            else if (child.LocalName is "pre")
                passages.Add(child.TextContent.ReplaceLineEndings("\n").Trim('\n'));
            else if (child.LocalName is "tr")
                passages.Add(string.Join(" | ", child.Children.Select(TextOf)));
            else
                Walk(child, passages, withBlocks);
        }
        passages.Add(Collapse(inline));
    }

    private static int? Level(IElement element) =>
        element.LocalName is ['h', >= '1' and <= '6' and var digit] ? digit - '0' : null;

    private static bool IsNoText(IElement element) =>
        element.LocalName is "script" or "style" or "template" or "noscript" or "nav" or "svg" or "iframe" or "head" or "form"
        || element.HasAttribute("hidden");

    private static bool IsBlock(IElement element) => element.LocalName is
        "address" or "article" or "aside" or "blockquote" or "body" or "dd" or "details" or "div" or "dl" or "dt" or "figcaption" or
        "figure" or "footer" or "h1" or "h2" or "h3" or "h4" or "h5" or "h6" or "header" or "hr" or "li" or "main" or "ol" or "p" or
        "pre" or "section" or "summary" or "table" or "tbody" or "tfoot" or "thead" or "tr" or "ul";

    private static string TextOf(IElement element)
    {
        var text = new StringBuilder();
        AppendText(element, text);
        return Collapse(text);
    }

    private static void AppendText(IElement element, StringBuilder text)
    {
        if (element.LocalName is "br")
            text.Append('\n');
        else if (element.LocalName is "img")
            text.Append(element.GetAttribute("alt"));
        foreach (var node in element.ChildNodes) // br and img have none
        {
            if (node is IText piece)
                text.Append(piece.Data);
            else if (node is IElement child && !IsNoText(child))
                AppendText(child, text);
        }
    }

    /// <summary>White space as HTML shows it: runs are one space.</summary>
    private static string Collapse(StringBuilder text)
    {
        var collapsed = string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        text.Clear();
        return collapsed;
    }
}
