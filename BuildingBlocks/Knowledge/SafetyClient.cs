using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text.Moderation;

namespace Lyceum.Knowledge;

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

/// <summary>Asks SessionApi how a person's questions and answers are moderated.</summary>
public sealed class SafetyClient(SessionApiClient sessionApi)
{
    /// <param name="tutorId">Who is asked; null: no tutor.</param>
    /// <exception cref="HttpRequestException">No instance answered.</exception>
    public async Task<PersonPolicy> PolicyOfAsync(
        string tenant, string subject, int? tutorId, CancellationToken cancellationToken) =>
        await sessionApi.SendAsync<PersonPolicy>(
            HttpMethod.Get, tutorId is null ? "/internal/policy" : $"/internal/policy?tutor_id={tutorId}", null, tenant, subject,
            Scopes.Tutors, cancellationToken)
        ?? PersonPolicy.None; // one of the version before
}
