using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text.Moderation;

namespace Lyceum.Knowledge;

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
