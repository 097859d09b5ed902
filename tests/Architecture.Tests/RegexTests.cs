using System.Reflection;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.Rules;

/// <summary>A pattern that meets text from outside costs no more than the text's length.</summary>
public sealed class RegexTests
{
    /// <summary>
    /// Patterns that look ahead or back, which NonBacktracking has not. Each was read: what it repeats is read once, because
    /// it is anchored, or what follows is found wherever the repetition ends.
    /// </summary>
    private static readonly string[] Read =
    [
        "Terms.Auxiliary", "Terms.Usual", "Terms.Addressed", "Terms.Final", "Terms.Copula", "Terms.Particle", "Excerpt.SentenceEnd",
    ];

    [Fact]
    public void Pattern_OfTheProduct_NeverBacktracks()
    {
        var patterns = (
            from project in Product.Projects
            from type in Assembly.Load(project).GetTypes()
            from method in type.GetMethods(
                BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            let pattern = method.GetCustomAttribute<GeneratedRegexAttribute>()
            where pattern is not null
            select (Name: $"{type.Name}.{method.Name}", pattern.Options, Regex: (Regex)method.Invoke(null, null)!)).ToList();
        patterns.Count.ShouldBeGreaterThan(20);
        // Its automaton is made now: one that is too large would fail with the first request.
        patterns.ForEach(p => p.Regex.IsMatch(""));
        patterns.Where(p => !p.Options.HasFlag(RegexOptions.NonBacktracking)).Select(p => p.Name).Except(Read).ShouldBeEmpty();
    }
}
