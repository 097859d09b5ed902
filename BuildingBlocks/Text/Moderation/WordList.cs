using System.Buffers;

namespace Lyceum.Text.Moderation;

/// <param name="Term">As the list has it.</param>
public readonly record struct WordMatch(string Category, string Term);

/// <summary>
/// Words and phrases by category, found in a text however it is written (<see cref="WordForm"/>). Words of letters match
/// whole words, with <c>*</c> at their end also longer ones; those with Chinese characters match anywhere.
/// </summary>
public sealed class WordList
{
    private const string Resource = "Lyceum.Text.Moderation.words.txt";

    /// <summary>Letters of a phrase that is looked for in text without spaces: shorter ones are in too many words.</summary>
    private const int MinUnspaced = 8;

    private readonly Keys _keys = new();
    private readonly Keys _unspaced = new();
    private readonly List<string> _exceptions = [];

    private WordList(IEnumerable<(string Category, string Term)> terms, IEnumerable<string> exceptions)
    {
        foreach (var (category, term) in terms)
        {
            var match = new WordMatch(category, term);
            var form = WordForm.Of(term.TrimEnd('*'));
            var word = form.Trim();
            if (word.Length == 0)
                continue;
            if (WordForm.HasIdeographs(word))
            {
                _keys.Add(word, match);
                continue;
            }
            _keys.Add(term.EndsWith('*') ? ' ' + word : form, match);
            if (word.Length - word.Count(c => c == ' ') >= MinUnspaced)
                _unspaced.Add(word.Replace(" ", "", StringComparison.Ordinal), match);
        }
        _keys.Close();
        _unspaced.Close();
        foreach (var exception in exceptions)
            _exceptions.Add(WordForm.Of(exception).Trim());
    }

    /// <summary>The lists that ship: <c>words.txt</c>.</summary>
    public static WordList Shipped { get; } = Read();

    /// <summary>A school's own words.</summary>
    public static WordList Of(IEnumerable<string> words) => new(words.Select(word => (Categories.School, word)), []);

    /// <summary>What is found in <paramref name="text"/>, or from <paramref name="before"/> on into it; first come, first.</summary>
    /// <param name="before">What stands before it, judged already: what lies in it alone is not found again.</param>
    public IEnumerable<WordMatch> Find(string before, string text)
    {
        var form = WordForm.Of(before + text);
        foreach (var exception in _exceptions)
            form = form.Replace(exception, new string('\u0001', exception.Length), StringComparison.Ordinal);
        var judged = before.Length == 0 ? "" : WordForm.Of(before).TrimEnd(); // its last word may go on in the text
        var found = _keys.In(form, judged.Length);
        return WordForm.Unspaced(form) is { } unspaced
            ? found.Concat(_unspaced.In(unspaced, judged.Count(c => c != ' ')))
            : found;
    }

    private static WordList Read()
    {
        using var stream = typeof(WordList).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        var (terms, exceptions, category) = (new List<(string, string)>(), new List<string>(), "");
        while (reader.ReadLine() is { } read)
        {
            var line = read.Trim();
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line[0] == '[')
                category = line.Trim('[', ']');
            else if (line[0] == '!')
                exceptions.Add(line[1..].Trim());
            else
                terms.Add((category, line));
        }
        return new(terms, exceptions);
    }

    /// <summary>Many strings to be looked for at once.</summary>
    private sealed class Keys
    {
        private readonly Dictionary<string, WordMatch> _all = new(StringComparer.Ordinal);
        private ILookup<char, KeyValuePair<string, WordMatch>> _byFirst = null!;
        private SearchValues<string> _any = null!;

        public void Add(string key, WordMatch match) => _all.TryAdd(key, match);

        public void Close()
        {
            _any = SearchValues.Create([.. _all.Keys], StringComparison.Ordinal);
            _byFirst = _all.ToLookup(entry => First(entry.Key));
        }

        /// <param name="judged">What ends before this is not found.</param>
        public IEnumerable<WordMatch> In(string form, int judged)
        {
            for (var i = 0; i < form.Length; i++)
            {
                var next = form.AsSpan(i).IndexOfAny(_any);
                if (next < 0)
                    yield break;
                i += next;
                foreach (var (key, match) in _byFirst[First(form.AsSpan(i))])
                {
                    if (i + key.TrimEnd().Length > judged && form.AsSpan(i).StartsWith(key, StringComparison.Ordinal))
                        yield return match;
                }
            }
        }

        private static char First(ReadOnlySpan<char> key) => key[0] == ' ' ? key[1] : key[0];
    }
}
