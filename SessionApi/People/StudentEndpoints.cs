using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>Accounts that a teacher makes for students, and resets; no e-mail is needed. Scope <c>classes</c>.</summary>
internal static class StudentEndpoints
{
    public static void MapStudents(this IEndpointRouteBuilder routes)
    {
        var students = routes.MapGroup("/api/classes/{id:guid}/students").RequireScope(Scopes.Classes).WithTags("classes")
            .AddEndpointFilter(AccountEndpoints.WithPasswords)
            .Fails(403, ErrorCodes.PasswordLoginDisabled).Fails(404, ErrorCodes.ClassNotFound);
        students.MapPost("", CreateAsync).Takes<string>("text/csv")
            .Fails(409, ErrorCodes.AccountExists, ErrorCodes.LimitReached, ErrorCodes.Conflict);
        students.MapPost("{subject}/reset", ResetAsync)
            .Fails(404, ErrorCodes.MemberNotFound).Fails(409, ErrorCodes.Conflict);
    }

    /// <summary>
    /// Makes an account for each line <c>name[,username]</c> and puts it into the class: all or none. The codes are in this answer
    /// alone; with its own, each student chooses a password: <c>POST /api/auth/first-password</c>.
    /// </summary>
    private static async Task<Created<NewStudents>> CreateAsync(
        Guid id, HttpRequest request, Caller caller, ClassStore classes, NewAccounts accounts, CancellationToken cancellationToken)
    {
        var row = await classes.FindOpenAsync(caller, id, cancellationToken);
        var lines = await StudentList.ReadAsync(request, cancellationToken);
        return TypedResults.Created($"/api/classes/{id}/members", new NewStudents(await accounts.MakeAsync(row, lines, cancellationToken)));
    }

    /// <summary>Ends the sign-ins of a student of the class, and gives a code instead of the password.</summary>
    private static async Task<ResetView> ResetAsync(
        Guid id, string subject, Caller caller, ClassStore classes, SessionDb db, Resets resets, CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        var account = Members.AccountOf(subject);
        // Somebody who teaches may be in a colleague's class; that gives no power over them.
        if (account is null || !await db.Set<ClassMember>().AnyAsync(m => m.ClassId == row.Id && m.Person == subject, cancellationToken)
            || !await db.Set<Membership>().AnyAsync(
                m => m.Tenant == caller.Tenant && m.AccountId == account && m.Role == Role.Student, cancellationToken))
            throw NotFound(subject);
        return await resets.ResetAsync(caller.Tenant, account.Value, cancellationToken) ?? throw NotFound(subject);
    }

    private static ProblemException NotFound(string subject) =>
        new(404, ErrorCodes.MemberNotFound, $"There is no student {subject} in this class.");
}

public sealed record NewStudents(List<NewStudent> Students);

/// <param name="Code">For the first sign-in, in this answer alone.</param>
public sealed record NewStudent(string Subject, string Name, string Username, string Code, DateTimeOffset ExpiresAt);
