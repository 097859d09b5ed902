using System.Globalization;
using System.Text;

namespace Lyceum.ServiceDefaults.Metrics;

using Tags = KeyValuePair<string, object?>[];

/// <summary>Tags as Prometheus labels, and tags as a dictionary's key without an allocation per measurement.</summary>
internal static class MetricLabels
{
    /// <summary>Longer values are cut: a label is for grouping, and some values come from outside.</summary>
    private const int MaxValueLength = 128;

    /// <summary><c>a="1",b="2"</c>, sorted, escaped; two tags whose names become equal are joined by a semicolon.</summary>
    public static string Render(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in tags)
        {
            var label = Label(name);
            var text = Text(value);
            labels[label] = labels.TryGetValue(label, out var other) ? $"{other};{text}" : text;
        }

        var rendered = new StringBuilder();
        foreach (var (name, value) in labels)
        {
            if (rendered.Length > 0)
                rendered.Append(',');
            rendered.Append(name).Append("=\"");
            Escape(rendered, value, quotes: true);
            rendered.Append('"');
        }

        return rendered.ToString();
    }

    /// <summary>Names beginning with two underscores are Prometheus' own, as is <c>le</c> of a histogram.</summary>
    private static string Label(string name)
    {
        var label = MetricNames.Sanitise(name);
        return label is "le" or "quantile" or "_" ? $"tag_{label.Trim('_')}" : label;
    }

    private static string Text(object? value)
    {
        var text = value switch
        {
            null => "",
            bool flag => flag ? "true" : "false",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
        };
        if (text.Length <= MaxValueLength)
            return text;
        // Never between the halves of a surrogate pair: the text must stay encodable.
        var end = char.IsHighSurrogate(text[MaxValueLength - 1]) ? MaxValueLength - 1 : MaxValueLength;
        return text[..end];
    }

    /// <summary>The exposition format knows three escapes; what UTF-8 cannot carry becomes U+FFFD when encoded.</summary>
    public static void Escape(StringBuilder into, string text, bool quotes)
    {
        foreach (var c in text)
        {
            _ = c switch
            {
                '\\' => into.Append("\\\\"),
                '\n' => into.Append("\\n"),
                '"' when quotes => into.Append("\\\""),
                _ => into.Append(c),
            };
        }
    }
}

/// <summary>Compares tag lists in the order given; lists that differ only in order meet again by their labels.</summary>
internal sealed class TagsComparer
    : IEqualityComparer<Tags>, IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, Tags>
{
    public bool Equals(Tags? x, Tags? y) => x is not null && y is not null && Equals(x.AsSpan(), y);

    public int GetHashCode(Tags tags) => GetHashCode(tags.AsSpan());

    public Tags Create(ReadOnlySpan<KeyValuePair<string, object?>> tags) => tags.ToArray();

    public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> tags, Tags other)
    {
        if (tags.Length != other.Length)
            return false;
        for (var i = 0; i < tags.Length; i++)
        {
            if (tags[i].Key != other[i].Key || !Equals(tags[i].Value, other[i].Value))
                return false;
        }

        return true;
    }

    public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var (name, value) in tags)
        {
            // Long names that are nearly always the same would be most of the work.
            hash.Add(name.Length);
            hash.Add(value);
        }

        return hash.ToHashCode();
    }
}
