using Lyceum.ChatApi.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;

namespace Lyceum.ChatApi.Safety;

/// <summary>What moderation made of a question: recorded with it.</summary>
/// <param name="Refused">Why no model is asked; null: one is.</param>
/// <param name="Sign">Signs of self-harm; null: none.</param>
/// <param name="Unjudged">A model that should have judged it could not.</param>
public sealed record Screened(PersonPolicy Policy, Verdict? Refused = null, Verdict? Sign = null, bool Unjudged = false)
{
    /// <summary>What the person is shown, because of signs of self-harm.</summary>
    public SafetyHelp? Help => Sign is null ? null : Policy.Moderation?.Help;

    /// <summary>What teachers are told.</summary>
    public Verdict? Concern => Help is null ? null : Sign;

    /// <summary>A <see cref="ModerationStatus"/>.</summary>
    public string? StatusOfQuestion => Refused is not null ? ModerationStatus.Refused : Unjudged ? ModerationStatus.Unavailable : null;

    /// <summary>Nobody judges images: where anything is moderated, a model is shown none.</summary>
    public bool TakesImages => Policy.Moderation is null or { IsNone: true };

    /// <summary>How the answer is judged; null: not at all.</summary>
    public ModerationPolicy? AnswerPolicy => Policy.Moderation is { Answers: true } policy ? policy : null;
}

/// <summary>Reads questions before anything is recorded or asked.</summary>
public sealed class Screening(PolicyCache policies, Judges judges)
{
    /// <exception cref="ProblemException">403 <c>guardian_consent_required</c>; 503: a student's policy is not known.</exception>
    public async ValueTask<PersonPolicy> PolicyOfAsync(Caller caller, int? tutorId)
    {
        var policy = await policies.OfAsync(caller, tutorId);
        return !policy.ConsentMissing ? policy : throw new ProblemException(403, ErrorCodes.GuardianConsentRequired,
            "Your school asks for a guardian's consent before you may ask, and none is recorded. Ask your teacher to record it.");
    }

    /// <exception cref="ProblemException">422 <c>images_not_moderated</c>.</exception>
    public static void RequireImages(PersonPolicy policy)
    {
        if (!new Screened(policy).TakesImages)
            throw new ProblemException(422, ErrorCodes.ImagesNotModerated,
                "Your school has questions or answers checked, and images cannot be. Nothing was asked; describe the image in words.");
    }

    /// <exception cref="ProblemException">503 <c>moderation_unavailable</c>, where the school wants nothing unjudged asked.</exception>
    public async ValueTask<Screened> ScreenAsync(Caller caller, PersonPolicy policy, string question)
    {
        if (policy.Moderation is not { JudgesQuestions: true } moderation)
            return new(policy);
        // Not tied to the client's connection, as the recording of the question is not; every judge has a bound of its own.
        var judgement = await judges.Of(moderation, caller.Tenant, caller.Person)
            .JudgeAsync(Side.Question, "", question, CancellationToken.None);
        // Who only looks for signs of self-harm refuses nothing for a model that is away: the word lists looked.
        var unjudged = judgement.Unavailable && moderation.Questions && judgement.Blocked is null;
        if (!unjudged || moderation.WhenUnavailable == WhenUnavailable.GoOn)
            return new(policy, judgement.Blocked, judgement.Sign, unjudged);
        // Who needs help gets it, whatever else is not available.
        return judgement.Sign is { } sign
            ? new(policy, sign with { Category = ModerationStatus.Unavailable }, sign)
            : throw new ProblemException(503, ErrorCodes.ModerationUnavailable,
                "Your school has questions checked before they are asked, and the check is not available. Nothing was asked; "
                + "try again later.", TimeSpan.FromSeconds(10));
    }
}
