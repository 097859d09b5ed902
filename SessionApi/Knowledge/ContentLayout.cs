using System.Text;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// A document's text as it is shown: its passages in order, with the page and the headings where they change. It is a
/// function of the passages alone, so that their places in it are known when they are stored, and it need not be stored
/// itself. For one document, from its first passage on.
/// </summary>
internal sealed class ContentLayout(string mediaType)
{
    private const string Gap = "\n\n";

    private int? _page;
    private string[] _headings = [];
    private long _length;

    /// <summary>What stands between the passage before and this one; its text follows.</summary>
    public string Before(int? page, string section, string text)
    {
        var before = new StringBuilder();
        if (_length > 0)
            before.Append(Gap);
        if (page != _page && page is { } number)
        {
            before.Append(Locator(mediaType, number)).Append(Gap);
            _headings = [];
        }
        var headings = section.Length == 0 ? [] : section.Split(PassageCollector.Separator);
        var same = headings.Zip(_headings).TakeWhile(pair => pair.First == pair.Second).Count();
        foreach (var heading in headings.Skip(same))
            before.Append(heading).Append(Gap);
        (_page, _headings) = (page, headings);
        _length += before.Length + text.Length;
        return before.ToString();
    }

    /// <returns>Where the text of the passage begins, in UTF-16 units; null beyond what a client can count.</returns>
    public int? Place(int? page, string section, string text)
    {
        Before(page, section, text);
        return _length <= int.MaxValue ? (int)(_length - text.Length) : null;
    }

    /// <summary>As the passage is cited: <c>page 12</c>, <c>slide 3 › Leaves</c>, <c>Biology › Plants</c>.</summary>
    public static string Section(string mediaType, int? page, string section) =>
        page is not { } number ? section
        : section.Length == 0 ? Locator(mediaType, number)
        : Locator(mediaType, number) + PassageCollector.Separator + section;

    private static string Locator(string mediaType, int page) =>
        mediaType == DocumentFiles.Slides ? $"slide {page}" : $"page {page}";
}
