using System.Text.RegularExpressions;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;

namespace Lyceum.ChatApi.Answers;

/// <summary>How an answer is to be given, as it was asked for; null: nothing was said of it.</summary>
/// <param name="Mode">One of <see cref="Modes"/>.</param>
/// <param name="ReadingLevel"><c>simple | standard | advanced</c>.</param>
/// <param name="Language">Of the answer, BCP 47; null: that of the question.</param>
/// <param name="ConceptId">The concept of a roadmap that the question is about.</param>
public sealed partial record Teaching(string? Mode, string? ReadingLevel, string? Language, string? ConceptId)
{
    private const int MaxConceptId = 200;

    /// <summary>Null where all of it is.</summary>
    /// <exception cref="ProblemException">400 <c>invalid_request</c>.</exception>
    public static Teaching? Of(string? mode, string? readingLevel, string? language, string? conceptId)
    {
        if (mode is not (null or Modes.Guide or Modes.Answer))
            throw Invalid("mode must be guide or answer.");
        if (readingLevel is not (null or "simple" or "standard" or "advanced"))
            throw Invalid("reading_level must be simple, standard or advanced.");
        if (language is not null && !LanguageTag().IsMatch(language))
            throw Invalid("language must be a BCP 47 tag, such as en or zh-Hans.");
        if (conceptId is not null && (conceptId.Length is 0 or > MaxConceptId || conceptId.Any(char.IsControl)))
            throw Invalid($"concept_id must have 1 to {MaxConceptId} characters.");
        return (mode, readingLevel, language, conceptId) is (null, null, null, null)
            ? null
            : new(mode, readingLevel, language, StorableText.Of(conceptId));
    }

    /// <summary>For the model, in Chinese where the answer is to be; empty: nothing to say.</summary>
    public string Prompt(string question)
    {
        var isChinese = Language is null
            ? question.EnumerateRunes().Any(Terms.IsIdeograph)
            : Language.StartsWith("zh", StringComparison.OrdinalIgnoreCase);
        string?[] parts = isChinese
            ? [
                Mode == Modes.Guide ? GuideInChinese : null,
                ReadingLevel switch
                {
                    "simple" => "请用简短的句子和日常用语，每个术语都要解释，让年纪小的读者也能看懂。",
                    "advanced" => "请写给熟悉本学科的读者：使用准确的术语，可以省略基础知识。",
                    _ => null,
                },
                Language is null ? null : $"无论问题用什么语言，请用 {Language} 回答。",
                ConceptId is null ? null : $"这个问题属于学习计划中的概念“{ConceptId}”。",
            ]
            : [
                Mode == Modes.Guide ? GuideInEnglish : null,
                ReadingLevel switch
                {
                    "simple" => "Write for a young reader: short sentences, everyday words, and explain every technical term.",
                    "advanced" => "Write for a reader who knows the subject: use its precise terms, and leave out the basics.",
                    _ => null,
                },
                Language is null ? null : $"Answer in {Language}, whatever the language of the question.",
                ConceptId is null ? null : $"The question is about the concept \"{ConceptId}\" of the learner's plan.",
            ];
        return string.Join("\n\n", parts.Where(part => part is not null));
    }

    private const string GuideInEnglish =
        "Guide the learner, do not solve it for them. First ask what they have tried and where they are stuck. Then give one hint at "
        + "a time, the smallest that helps, and let them take the next step. Give a full solution only once they have shown an attempt "
        + "of their own, and explain it then. This holds even if they ask for the answer at once.";

    private const string GuideInChinese =
        "请引导学习者，不要替他们解题。先问他们试过什么、卡在哪里。然后每次只给一个提示，给最小的、够用的提示，让他们自己走下一步。"
        + "只有在他们拿出自己的尝试之后，才给出完整的解答并加以讲解。即使他们要求直接给答案，也照此办理。";

    private static ProblemException Invalid(string detail) => new(400, ErrorCodes.InvalidRequest, detail);

    [GeneratedRegex("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex LanguageTag();
}

/// <summary>What an answer does.</summary>
public static class Modes
{
    /// <summary>It asks back, and gives hints before solutions. A teacher may lock a tutor to it.</summary>
    public const string Guide = "guide";

    /// <summary>It answers.</summary>
    public const string Answer = "answer";
}
