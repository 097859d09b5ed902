using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Knowledge;

/// <summary>What a class's teachers may see of a student: said at joining, and stored with the consent.</summary>
public enum Visibility
{
    /// <summary>What they practised, how well, and what is due.</summary>
    Progress,

    /// <summary>Also their conversations and sessions with the class's tutors.</summary>
    Conversations,
}

/// <summary>What can be shared with a class.</summary>
public enum SharedKind { Tutor, Roadmap, PracticeSet }

/// <summary>A view of a class that is about to be shown to its teacher.</summary>
public enum ClassView { Overview, Questions, Student }

/// <param name="Subject">The <c>sub</c> of their identity.</param>
/// <param name="Name">How they are called.</param>
/// <param name="Since">When they consented to this visibility: what is older is not shown. Null: since they joined.</param>
public sealed record ClassStudent(string Subject, string Name, Visibility Visibility, DateTimeOffset? Since = null);

/// <param name="Id">Of a tutor its number, of a roadmap its task id, of a practice set its id.</param>
/// <param name="Owner">Whose it is: the subject.</param>
public sealed record Shared(SharedKind Kind, string Id, string Owner, Guid ClassId);

/// <summary>A class as its teacher may see it.</summary>
public sealed record ClassRoll(Guid Id, string Name, IReadOnlyList<ClassStudent> Students, IReadOnlyList<Shared> Shares);

/// <summary>Asks SessionApi who is in a class, and what is shared with a person.</summary>
public sealed class PeopleClient(SessionApiClient sessionApi)
{
    /// <summary>
    /// Records that the teacher looks at these students' things, and says who they are: asked before anything is shown.
    /// </summary>
    /// <param name="teacher">Who looks: a teacher of the class, or an owner of its tenant.</param>
    /// <param name="student">Of <see cref="ClassView.Student"/>; else null: all whose visibility allows the view.</param>
    /// <returns>Null where there is no such class, student, or it is not the teacher's.</returns>
    /// <exception cref="HttpRequestException">No instance answered; nothing may be shown.</exception>
    public Task<ClassRoll?> LookAsync(
        string tenant, string teacher, Guid classId, ClassView view, string? student, CancellationToken cancellationToken) =>
        sessionApi.SendAsync<ClassRoll>(
            HttpMethod.Post, $"/internal/classes/{classId}/looks", new Look(view, student), tenant, teacher, Scopes.Classes,
            cancellationToken);

    /// <returns>What is shared with the classes that the person is in.</returns>
    /// <exception cref="HttpRequestException">No instance answered.</exception>
    public async Task<IReadOnlyList<Shared>> SharedWithAsync(
        string tenant, string subject, SharedKind kind, CancellationToken cancellationToken)
    {
        var name = kind switch { SharedKind.Tutor => "tutor", SharedKind.Roadmap => "roadmap", _ => "practice_set" };
        var shares = await sessionApi.SendAsync<Shares>(
            HttpMethod.Get, $"/internal/shares?kind={name}", null, tenant, subject, Scopes.Classes, cancellationToken);
        return shares?.Items ?? [];
    }

    private sealed record Look(ClassView View, string? Student);

    private sealed record Shares(IReadOnlyList<Shared>? Items);
}
