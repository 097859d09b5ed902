using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Lyceum.Gateway.Tools.Schemas;

/// <summary>
/// Regular expressions of schemas (ECMA-262), to be run on untrusted text: only by .NET's linear-time engine, and none
/// whose automaton would be large. What is read differently in .NET is rewritten: <c>$</c> would match before a last line feed,
/// <c>\d</c> and <c>\w</c> would mean all of Unicode, <c>.</c> would match a carriage return.
/// </summary>
internal static partial class SchemaPattern
{
    private const int MaxLength = 512;

    /// <summary>Characters after unfolding <c>{n,m}</c>: <c>(a{99}){99}</c> is 99 × 99.</summary>
    private const int MaxSize = 10_000;

    /// <summary>Linear in the text, and the text is bounded: never reached but by an error of the engine.</summary>
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromMilliseconds(250);

    /// <returns>Null, and why.</returns>
    public static (Regex? Regex, string? Error) Compile(string pattern)
    {
        if (pattern.Length > MaxLength)
            return (null, $"must have at most {MaxLength} characters");
        var (translated, size) = Translate(pattern);
        if (size > MaxSize)
            return (null, "repeats too much: unfolded, it must have at most 10000 characters");
        try
        {
            return (new Regex(translated, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, MatchTimeout), null);
        }
        catch (NotSupportedException)
        {
            return (null, "uses what takes backtracking (lookaround, a backreference, an atomic group)");
        }
        catch (ArgumentException)
        {
            return (null, "is not a regular expression that is understood here");
        }
    }

    private static (string Pattern, long Size) Translate(string pattern)
    {
        var text = new StringBuilder(pattern.Length + 16);
        // Sizes of the open groups so far; the last atom of the innermost is what a quantifier repeats.
        var groups = new Stack<long>();
        long size = 0, atom = 0;
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                text.Append(Escape(pattern[++i], inClass));
                if (!inClass)
                    size += atom = 1;
            }
            else if (inClass)
            {
                inClass = c != ']';
                // A nested class is .NET's alone (subtraction): here it is a bracket.
                text.Append(c == '[' ? "\\[" : c.ToString());
            }
            else if (c == '[')
            {
                inClass = true;
                text.Append(c);
                size += atom = 1;
            }
            else if (c == '(')
            {
                groups.Push(size);
                (size, atom) = (0, 0);
                text.Append(c);
            }
            else if (c == ')' && groups.TryPop(out var outer))
            {
                atom = Math.Max(1, size);
                size = Bounded(outer + atom);
                text.Append(c);
            }
            else if (c == '{' && Repeat().Match(pattern, i) is { Success: true } repeat && repeat.Index == i)
            {
                var last = repeat.Groups["max"].Value is { Length: > 0 } max ? max : repeat.Groups["min"].Value;
                var times = long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? Math.Min(n, int.MaxValue) : int.MaxValue;
                size = Bounded(size + atom * Math.Max(0, times - 1));
                text.Append(repeat.ValueSpan);
                i += repeat.Length - 1;
            }
            else
            {
                text.Append(c switch { '$' => @"\z", '.' => @"[^\n\r\u2028\u2029]", _ => c.ToString() });
                if (c is not ('*' or '+' or '?' or '|'))
                    size += atom = 1;
            }
        }
        return (text.ToString(), size);
    }

    private static string Escape(char c, bool inClass) => c switch
    {
        'd' => inClass ? "0-9" : "[0-9]",
        'w' => inClass ? "a-zA-Z0-9_" : "[a-zA-Z0-9_]",
        'D' when !inClass => "[^0-9]",
        'W' when !inClass => "[^a-zA-Z0-9_]",
        _ => $"\\{c}",
    };

    private static long Bounded(long size) => Math.Min(size, int.MaxValue);

    [GeneratedRegex(@"\{(?<min>[0-9]+)(,(?<max>[0-9]*))?\}", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Repeat();
}
