using System.Text.RegularExpressions;

namespace Lyceum.Text;

/// <summary>
/// Finds in an answer which of the passages it was given it cites. Passages are numbered from 1 and cited as <c>[1]</c>; models
/// also write <c>[1, 3]</c>, and in Chinese <c>【1】</c>.
/// </summary>
public static partial class CitedNumbers
{
    /// <param name="passages">How many were given: a higher number is no citation, nor is 0.</param>
    /// <returns>Each number once, ascending.</returns>
    public static IReadOnlyList<int> In(string answer, int passages) => passages == 0 ? [] :
    [
        .. Citation().Matches(answer).SelectMany(match => Number().Matches(match.Value))
            .Select(match => int.Parse(match.ValueSpan)).Where(number => number >= 1 && number <= passages).Distinct().Order(),
    ];

    [GeneratedRegex(@"[\[【［] ?[0-9]{1,3}( ?[,，、;] ?[0-9]{1,3})* ?[\]】］]", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Citation();

    [GeneratedRegex("[0-9]+", RegexOptions.NonBacktracking)]
    private static partial Regex Number();
}
