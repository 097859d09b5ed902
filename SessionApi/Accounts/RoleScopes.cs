using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.SessionApi.Accounts;

/// <summary>What a signed-in person may do, by what they are in their active tenant.</summary>
internal static class RoleScopes
{
    private static readonly string[] OfStudents = [Scopes.Chat, Scopes.Sessions, Scopes.Roadmaps, Scopes.Practice];

    private static readonly string[] OfTeachers = [.. OfStudents, Scopes.Tutors, Scopes.Classes, Scopes.Collab];

    private static readonly string[] OfOwners =
    [
        .. OfTeachers, Scopes.Llm, Scopes.Graph, Scopes.Repo, Scopes.Observe, Scopes.Tools, Scopes.Budgets,
    ];

    private static readonly string[] OfOperators = [Scopes.Ops, Scopes.ToolsAdmin];

    /// <summary>Never <c>engine</c>: that is for services and API tokens.</summary>
    public static IEnumerable<string> Of(Role role, bool isOperator)
    {
        var scopes = role switch
        {
            Role.Owner => OfOwners,
            Role.Teacher => OfTeachers,
            _ => OfStudents,
        };
        return isOperator ? [.. scopes, .. OfOperators] : scopes;
    }
}
