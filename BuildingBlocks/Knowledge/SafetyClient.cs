using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text.Moderation;

namespace Lyceum.Knowledge;

/// <summary>Asks SessionApi how a person's questions and answers are moderated.</summary>
public sealed class SafetyClient(SessionApiClient sessionApi)
{
    /// <summary>Whether there is a SessionApi: an installation without one has no policies.</summary>
    public ValueTask<bool> IsThereAsync(CancellationToken cancellationToken) => sessionApi.IsThereAsync(cancellationToken);

    /// <param name="tutorId">Who is asked; null: no tutor.</param>
    /// <exception cref="HttpRequestException">No instance answered.</exception>
    public async Task<PersonPolicy> PolicyOfAsync(
        string tenant, string subject, int? tutorId, CancellationToken cancellationToken) =>
        await sessionApi.SendAsync<PersonPolicy>(
            HttpMethod.Get, tutorId is null ? "/internal/policy" : $"/internal/policy?tutor_id={tutorId}", null, tenant, subject,
            Scopes.Tutors, cancellationToken)
        ?? PersonPolicy.None; // one of the version before

    /// <summary>Records that somebody looks at these persons' concerns: asked before anything is shown.</summary>
    /// <exception cref="HttpRequestException">No instance recorded it; nothing may be shown.</exception>
    public async Task RecordLookAsync(
        string tenant, string viewer, IReadOnlyList<string> persons, CancellationToken cancellationToken)
    {
        _ = await sessionApi.SendAsync<Recorded>(
                HttpMethod.Post, "/internal/concerns/looks", new Looks(persons), tenant, viewer, Scopes.Classes, cancellationToken)
            ?? throw new HttpRequestException("it does not know how to record it");
    }

    private sealed record Looks(IReadOnlyList<string> Persons);

    private sealed record Recorded(int Looks);
}
