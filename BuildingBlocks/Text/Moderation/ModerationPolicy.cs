using System.Text.Json.Serialization;

namespace Lyceum.Text.Moderation;

/// <summary>What judges a text.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ModerationBy>))]
public enum ModerationBy
{
    /// <summary>The word lists that ship, and the school's own words.</summary>
    [JsonStringEnumMemberName("words")] Words,

    /// <summary>The word lists, then the language model with a prompt that makes it a guard.</summary>
    [JsonStringEnumMemberName("guard")] Guard,

    /// <summary>The word lists, then a server of OpenAI's <c>/moderations</c>.</summary>
    [JsonStringEnumMemberName("moderations")] Moderations,
}

/// <summary>What happens to a text that a model should judge and cannot.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<WhenUnavailable>))]
public enum WhenUnavailable
{
    /// <summary>It is let through, and its reader is told so.</summary>
    [JsonStringEnumMemberName("go_on")] GoOn,

    /// <summary>It is not shown.</summary>
    [JsonStringEnumMemberName("refuse")] Refuse,
}

/// <summary>What a school says to a person who shows signs of self-harm.</summary>
/// <param name="Text">What to do, and who listens.</param>
/// <param name="Contact">A telephone number or an address; null: it is in the text.</param>
public sealed record SafetyHelp(string Text, string? Contact = null);

/// <summary>How a person's questions and the answers to them are moderated: what tenant and classes ask for, joined.</summary>
/// <param name="Questions">Before a model is asked.</param>
/// <param name="Answers">Sentence by sentence, before they are shown.</param>
/// <param name="By">All of these must let a text pass. The word lists always judge.</param>
/// <param name="Words">The school's own, beside those that ship.</param>
/// <param name="Help">Shown at signs of self-harm in a question; null: nobody looks for them.</param>
/// <param name="BlockSelfHarm">A question with signs of self-harm is refused, beside the help.</param>
public sealed record ModerationPolicy(
    bool Questions, bool Answers, IReadOnlyList<ModerationBy> By, IReadOnlyList<string> Words,
    WhenUnavailable WhenUnavailable = WhenUnavailable.Refuse, SafetyHelp? Help = null, bool BlockSelfHarm = false)
{
    /// <summary>Characters of one of the school's own words.</summary>
    public const int MaxWordLength = 64;

    /// <summary>The school's own words that are considered.</summary>
    public const int MaxWords = 500;

    /// <summary>Nothing is moderated, and nobody looks for signs of self-harm.</summary>
    [JsonIgnore]
    public bool IsNone => !Questions && !Answers && Help is null;

    /// <summary>Whether questions have to be read before a model is asked.</summary>
    [JsonIgnore]
    public bool JudgesQuestions => Questions || Help is not null;

    /// <summary>Both hold: whatever one of them forbids is forbidden.</summary>
    /// <param name="other">Its help goes before, where it has one.</param>
    public ModerationPolicy With(ModerationPolicy other) => new(
        Questions || other.Questions, Answers || other.Answers,
        [.. By.Concat(other.By).Distinct().Order()], [.. Words.Concat(other.Words).Distinct(StringComparer.Ordinal).Take(MaxWords)],
        (WhenUnavailable)Math.Max((int)WhenUnavailable, (int)other.WhenUnavailable), other.Help ?? Help,
        BlockSelfHarm || other.BlockSelfHarm);
}

/// <summary>What holds for one person: what their tenant and classes ask for, joined.</summary>
/// <param name="Moderation">Null: nothing is moderated.</param>
/// <param name="Tell">Subjects who are told of signs of self-harm, beside the owners.</param>
/// <param name="ClassId">The class that named them; null: the tenant did.</param>
/// <param name="ConsentMissing">A guardian must agree first, and nobody recorded that one did.</param>
public sealed record PersonPolicy(
    ModerationPolicy? Moderation, IReadOnlyList<string>? Tell = null, Guid? ClassId = null, bool ConsentMissing = false)
{
    public static PersonPolicy None { get; } = new((ModerationPolicy?)null);
}
