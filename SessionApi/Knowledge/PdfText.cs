using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using UglyToad.PdfPig;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Exceptions;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// A PDF as passages, page by page. A PDF has letters at places, and neither words nor lines: they are put together in the
/// order in which they are drawn, which is that of the text, columns too, in what Word, LaTeX and browsers print.
/// </summary>
internal static class PdfText
{
    /// <summary>Of the pages; with more of them unreadable the file is damaged.</summary>
    private const double MostUnread = 0.1;

    // Lines that stand at the top or bottom of most pages say nothing about any of them.
    private const int FewestPagesWithHeader = 5;
    private const double PagesWithHeader = 0.6;

    public static DocumentText Read(byte[] file, FileBounds bounds)
    {
        using var document = Open(file);
        var count = document.NumberOfPages;
        if (count > bounds.MaxPages)
            throw Unreadable.TooManyPages(count, bounds.MaxPages);

        var pages = new List<(int Number, List<PdfLine> Lines)>();
        var unread = new List<int>();
        var remaining = bounds.MaxText;
        for (var number = 1; number <= count; number++)
        {
            try
            {
                var lines = PdfLines.Of(document.GetPage(number).Letters);
                if ((remaining -= lines.Sum(line => line.Text.Length)) < 0)
                    throw Unreadable.TooMuchText(bounds.MaxText);
                pages.Add((number, lines));
            }
            // The library throws whatever its own mistakes are.
            catch (Exception e) when (e is not (OutOfMemoryException or ProblemException))
            {
                unread.Add(number);
            }
        }
        if (count == 0 || unread.Count > count * MostUnread)
            throw Unreadable.Damaged("PDF");
        RemoveHeaders(pages);

        var passages = new PassageCollector(bounds.MaxText);
        foreach (var (number, lines) in pages)
        {
            passages.Page(number);
            foreach (var block in PdfLines.Blocks(lines))
                passages.Add(StorableText.Of(block));
        }
        return new(passages.Done(), count, unread.Count == 0
            ? null
            : $"{unread.Count} of {count} pages could not be read: {string.Join(", ", unread.Take(20))}.");
    }

    private static PdfDocument Open(byte[] file)
    {
        try
        {
            return PdfDocument.Open(file, new ParsingOptions { UseLenientParsing = true, SkipMissingFonts = true });
        }
        catch (PdfDocumentEncryptedException)
        {
            throw Unreadable.Encrypted();
        }
    }

    private static void RemoveHeaders(List<(int Number, List<PdfLine> Lines)> pages)
    {
        var printed = pages.Where(page => page.Lines.Count > 0).ToList();
        if (printed.Count < FewestPagesWithHeader)
            return;
        foreach (var outermost in (Func<List<PdfLine>, PdfLine>[])[l => l.MaxBy(line => line.Y)!, l => l.MinBy(line => line.Y)!])
        {
            foreach (var same in printed.Where(page => page.Lines.Count > 0)
                .Select(page => (page.Lines, Line: outermost(page.Lines)))
                .GroupBy(page => WithoutNumbers(page.Line.Text))
                .Where(same => same.Count() >= printed.Count * PagesWithHeader).ToList())
            {
                // Pages of one numbered line are cards. The same words on each are a scanner's, or a copyright.
                if (same.Count(page => page.Lines.Count == 1) > same.Count() / 2
                    && same.DistinctBy(page => page.Line.Text).Count() > 1)
                    continue;
                foreach (var (lines, line) in same)
                    lines.Remove(line);
            }
        }
    }

    private static string WithoutNumbers(string line) =>
        new(line.Where(c => !char.IsDigit(c) && !char.IsWhiteSpace(c)).Select(char.ToLowerInvariant).ToArray());
}

/// <param name="Y">Of its baseline, upwards.</param>
/// <param name="X">Where it begins.</param>
/// <param name="Size">Of its first letter, as <c>Y</c>.</param>
/// <param name="IsRow">It has cells, as <c>a | b | c</c>.</param>
internal sealed record PdfLine(string Text, double X, double Y, double Size, bool IsRow);

/// <summary>Letters as lines, lines as blocks. Distances are in sizes of the letters beside them.</summary>
internal static class PdfLines
{
    private const double SameLine = 0.6;    // between baselines: raised and lowered letters belong to the line
    private const double Overlap = -0.6;    // backwards: letters are narrowed, but a line that goes back is another
    private const double WordGap = 0.2;     // where no space is drawn
    private const double CellGap = 1.5;     // justified lines have less
    private const double BlockGap = 1.35;   // of the page's usual distance of lines
    private const double Indent = 0.8;
    private const double OtherSize = 0.15;

    public static List<PdfLine> Of(IReadOnlyList<Letter> letters)
    {
        var lines = new List<PdfLine>();
        var text = new StringBuilder();
        Letter? first = null, last = null;
        var (isRow, sawSpace) = (false, false);
        foreach (var letter in letters)
        {
            var value = Readable(letter.Value);
            if (string.IsNullOrWhiteSpace(value))
            {
                sawSpace |= value.Length > 0;
                continue;
            }
            if (last is not null)
            {
                var size = Math.Max(SizeOf(last), SizeOf(letter));
                var (along, across) = Distance(last, letter);
                if (letter.Value == last.Value && across < 0.1 * size
                    && Math.Abs(along + Length(last)) < 0.1 * size) // drawn twice, as bold
                    continue;
                if (across > SameLine * size || along < Overlap * size)
                {
                    End();
                }
                else if (along > CellGap * size)
                {
                    text.Append(" | ");
                    isRow = true;
                }
                else if ((sawSpace || along > WordGap * size)
                    && !(IsWide(text[^1]) && IsWide(value[0]) && along < SameLine * size))
                {
                    text.Append(' ');
                }
            }
            first ??= letter;
            text.Append(value);
            (last, sawSpace) = (letter, false);
        }
        End();
        return lines;

        void End()
        {
            if (first is not null)
                lines.Add(new(text.ToString(), first.StartBaseLine.X, first.StartBaseLine.Y, SizeOf(first), isRow));
            text.Clear();
            (first, last, isRow, sawSpace) = (null, null, false, false);
        }
    }

    /// <summary>Paragraphs, and each row of a table by itself.</summary>
    public static IEnumerable<string> Blocks(List<PdfLine> lines)
    {
        var usual = Usual(lines);
        var block = new StringBuilder();
        PdfLine? before = null;
        foreach (var line in lines)
        {
            if (before is not null && Begins(line, before, usual))
            {
                yield return block.ToString();
                block.Clear();
            }
            Join(block, line.Text);
            before = line;
        }
        if (block.Length > 0)
            yield return block.ToString();
    }

    private static bool Begins(PdfLine line, PdfLine before, double usual)
    {
        if (line.IsRow || before.IsRow || line.Text[0] is '•' or '●' or '▪' or '–' or '·'
            || Math.Abs(line.Size - before.Size) > OtherSize * before.Size)
            return true;
        var down = before.Y - line.Y;
        if (down < 0) // the next column, or somewhere else
            return before.Text[^1] is '.' or '!' or '?' or '。' or '！' or '？' or ':' or '：';
        return down > BlockGap * usual || line.X - before.X > Indent * line.Size;
    }

    /// <summary>The page's median distance of one line from the one above it.</summary>
    private static double Usual(List<PdfLine> lines)
    {
        var distances = lines.Zip(lines.Skip(1), (above, below) => (Down: above.Y - below.Y, above.Size))
            .Where(pair => pair.Down > 0 && pair.Down < 3 * pair.Size).Select(pair => pair.Down).Order().ToList();
        return distances.Count == 0 ? double.MaxValue : distances[distances.Count / 2];
    }

    private static void Join(StringBuilder block, string line)
    {
        if (block.Length > 1 && block[^1] is '-' or '\u00AD' && char.IsLetter(block[^2]) && char.IsLower(line[0]))
            block.Length--; // a word that was divided
        else if (block.Length > 0 && !(IsWide(block[^1]) && IsWide(line[0])))
            block.Append(' ');
        block.Append(line);
    }

    private static double SizeOf(Letter letter) =>
        letter.PointSize >= 1 ? letter.PointSize : Math.Max(1, letter.BoundingBox.Height);

    private static double Length(Letter letter) => Math.Sqrt(
        Math.Pow(letter.EndBaseLine.X - letter.StartBaseLine.X, 2) + Math.Pow(letter.EndBaseLine.Y - letter.StartBaseLine.Y, 2));

    /// <summary>From a letter's end to the next one's beginning, along its baseline and across it, however it is turned.</summary>
    private static (double Along, double Across) Distance(Letter last, Letter next)
    {
        var (dx, dy) = (last.EndBaseLine.X - last.StartBaseLine.X, last.EndBaseLine.Y - last.StartBaseLine.Y);
        var length = Length(last);
        (dx, dy) = length > 0 ? (dx / length, dy / length) : (1, 0);
        var (x, y) = (next.StartBaseLine.X - last.EndBaseLine.X, next.StartBaseLine.Y - last.EndBaseLine.Y);
        return (x * dx + y * dy, Math.Abs(x * dy - y * dx));
    }

    /// <summary>Scripts that are written without spaces.</summary>
    private static bool IsWide(char c) => c is >= '\u2E80' and <= '\u9FFF' or >= '\uF900' and <= '\uFAFF' or >= '\uFF00' and <= '\uFFEF'
        || char.IsSurrogate(c);

    /// <summary>
    /// Without glyphs that stand for no character. Ligatures and radicals, which some fonts name instead of the letters
    /// and characters that look alike, become these.
    /// </summary>
    private static string Readable(string? value)
    {
        if (value is null or { Length: 0 })
            return "";
        if (value.Length == 1 && value[0] is > ' ' and < '\u02B0' or >= '\u4E00' and <= '\u9FFF')
            return value;
        var text = new StringBuilder(value.Length);
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.Value is 0 or 0xFFFD or >= 0xE000 and <= 0xF8FF or 0xFEFF || (Rune.IsControl(rune) && !Rune.IsWhiteSpace(rune)))
                continue;
            var isForm = rune.Value is >= 0xFB00 and <= 0xFB06 or >= 0x2E80 and <= 0x2FDF or >= 0xF900 and <= 0xFAFF;
            text.Append(isForm ? rune.ToString().Normalize(NormalizationForm.FormKC) : rune.ToString());
        }
        return text.ToString();
    }
}
