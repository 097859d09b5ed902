using System.Text;

namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// Splits a command as a POSIX shell would: at blanks, with single quotes, double quotes and backslashes. There are no
/// other features of a shell, no variables, no pipes: for those, use <c>sh -c 'exec …'</c>.
/// </summary>
internal static class CommandLine
{
    /// <exception cref="FormatException">A quote is not closed, or the last character is a backslash.</exception>
    public static IReadOnlyList<string> Split(string command)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var begun = false; // '' is a word too
        for (var i = 0; i < command.Length; i++)
        {
            switch (command[i])
            {
                case ' ' or '\t' or '\n' or '\r':
                    if (begun)
                    {
                        words.Add(word.ToString());
                        word.Clear();
                    }
                    begun = false;
                    continue;
                case '\'':
                    var close = command.IndexOf('\'', i + 1);
                    word.Append(command, i + 1, (close < 0 ? throw Unclosed('\'', i) : close) - i - 1);
                    i = close;
                    break;
                case '"':
                    i = DoubleQuoted(command, i, word);
                    break;
                case '\\':
                    word.Append(++i < command.Length ? command[i] : throw new FormatException("ends in a backslash"));
                    break;
                case var plain:
                    word.Append(plain);
                    break;
            }
            begun = true;
        }
        if (begun)
            words.Add(word.ToString());
        return words;
    }

    /// <returns>Where the closing quote is.</returns>
    private static int DoubleQuoted(string command, int open, StringBuilder word)
    {
        for (var i = open + 1; i < command.Length; i++)
        {
            if (command[i] is '"')
                return i;
            // In double quotes a backslash takes only these apart.
            if (command[i] is '\\' && i + 1 < command.Length && command[i + 1] is '"' or '\\' or '$' or '`')
                i++;
            word.Append(command[i]);
        }
        throw Unclosed('"', open);
    }

    private static FormatException Unclosed(char quote, int at) => new($"has no closing {quote} for the one at character {at + 1}");
}
