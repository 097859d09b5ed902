using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Lyceum.Text.Moderation;

namespace Lyceum.SessionApi.Safety;

/// <summary>What a tenant or a class asks for. Absent: as nobody had said anything.</summary>
/// <param name="Questions">Questions are moderated before a model is asked.</param>
/// <param name="Answers">Answers are moderated, sentence by sentence, before they are shown.</param>
/// <param name="By">What judges, beside the word lists, which always do: <c>words</c> (nothing else), <c>guard</c>, <c>moderations</c>.</param>
/// <param name="Words">Own words and phrases, beside those that ship; at most 500 of 64 characters.</param>
/// <param name="WhenUnavailable">Where a model should judge and cannot: <c>refuse</c>, or <c>go_on</c>, which the reader is told.</param>
/// <param name="Help">Shown at signs of self-harm in a question; null: nobody looks for them.</param>
/// <param name="BlockSelfHarm">A question with such signs is refused, beside the help.</param>
/// <param name="Tell">Subjects of teachers and owners who are told of such signs; owners see them all.</param>
/// <param name="GuardianConsentRequired">A student may ask only once a guardian's consent is recorded.</param>
public sealed record SafetyPolicy(
    bool Questions = false, bool Answers = false, ModerationBy By = ModerationBy.Words, IReadOnlyList<string>? Words = null,
    WhenUnavailable WhenUnavailable = WhenUnavailable.Refuse, SafetyHelp? Help = null, bool BlockSelfHarm = false,
    IReadOnlyList<string>? Tell = null, bool GuardianConsentRequired = false)
{
    private const int MaxHelp = 2000;
    private const int MaxContact = 200;
    private const int MaxTell = 20;
    private const int MaxSubject = 128;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal ModerationPolicy Moderation => new(Questions, Answers, [By], Words ?? [], WhenUnavailable, Help, BlockSelfHarm);

    internal static SafetyPolicy Read(string json) => JsonSerializer.Deserialize<SafetyPolicy>(json, Json)!;

    internal string ToJson() => StorableText.OfJson(JsonSerializer.Serialize(this, Json));

    /// <exception cref="ProblemException">400 with all that is wrong.</exception>
    internal void Validate()
    {
        var errors = new ValidationErrors();
        errors.AddIf(!Enum.IsDefined(By), "by", "by must be words, guard or moderations.");
        errors.AddIf(!Enum.IsDefined(WhenUnavailable), "when_unavailable", "when_unavailable must be refuse or go_on.");
        errors.AddIf(Words?.Count > ModerationPolicy.MaxWords, "words", $"words may hold {ModerationPolicy.MaxWords} at most.");
        foreach (var word in (Words ?? []).Take(ModerationPolicy.MaxWords))
            errors.CheckText("words", word, ModerationPolicy.MaxWordLength, required: true);
        if (Help is not null)
        {
            errors.CheckText("help.text", Help.Text, MaxHelp, required: true);
            errors.CheckText("help.contact", Help.Contact, MaxContact);
        }
        errors.AddIf(BlockSelfHarm && Help is null, "help", "help is needed where block_self_harm is set: who is refused is told whom to ask.");
        errors.AddIf(Tell?.Count > 0 && Help is null, "help", "help is needed where tell is set: without it nobody looks for signs of self-harm.");
        errors.AddIf(Tell?.Count > MaxTell, "tell", $"tell may hold {MaxTell} at most.");
        foreach (var subject in (Tell ?? []).Take(MaxTell))
            errors.CheckText("tell", subject, MaxSubject, required: true);
        errors.ThrowIfAny();
    }
}
