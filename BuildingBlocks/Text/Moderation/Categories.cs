namespace Lyceum.Text.Moderation;

/// <summary>What a text is flagged for: the categories of the word lists; those of models are named as the model does.</summary>
public static class Categories
{
    /// <summary>Signs that a person wants to harm themselves. In a question they bring help; an answer may speak of them.</summary>
    public const string SelfHarm = "self_harm";

    /// <summary>How to harm oneself. In a question a sign, in an answer forbidden.</summary>
    public const string SelfHarmMethods = "self_harm_methods";

    /// <summary>The school's own words.</summary>
    public const string School = "school";

    /// <summary>Signs of self-harm, where a person wrote it: by name, also as models write it (<c>self-harm/intent</c>).</summary>
    public static bool IsSign(string category) => Plain(category).StartsWith(SelfHarm, StringComparison.Ordinal);

    /// <summary>
    /// Speaks of a person's wish, as an answer that helps must be able to: no reason to withhold an answer.
    /// </summary>
    internal static bool MayBeAnswered(string category) => Plain(category) is SelfHarm + "_intent" or SelfHarm;

    private static string Plain(string category) => category.Replace('-', '_').Replace('/', '_').ToLowerInvariant();
}
