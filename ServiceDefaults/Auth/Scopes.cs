using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>What a caller may do. Each scope is an authorization policy of the same name; routes name one.</summary>
public static class Scopes
{
    public const string Chat = "chat";
    public const string Llm = "llm";
    public const string Tools = "tools";
    public const string ToolsAdmin = "tools.admin";
    public const string Collab = "collab";
    public const string Repo = "repo";
    public const string Graph = "graph";
    public const string Observe = "observe";
    public const string Tutors = "tutors";
    public const string Sessions = "sessions";
    public const string Roadmaps = "roadmaps";

    /// <summary>Answering practice items, and what is due.</summary>
    public const string Practice = "practice";

    /// <summary>Having classes: members, shares, and what their students do.</summary>
    public const string Classes = "classes";

    /// <summary>What the tenant may use of models, and what it used.</summary>
    public const string Budgets = "budgets";

    /// <summary>Operating the system: metrics from afar, administration.</summary>
    public const string Ops = "ops";

    /// <summary>
    /// Live sessions at the engine itself, past the tutors. Services have it by being services; of others only an API
    /// token can have it, no role does: see <see cref="Caller.May"/>.
    /// </summary>
    public const string Engine = "engine";

    public static readonly FrozenSet<string> All = FrozenSet.Create(
        Chat, Llm, Tools, ToolsAdmin, Collab, Repo, Graph, Observe, Tutors, Sessions, Roadmaps, Practice, Classes, Budgets, Ops, Engine);

    /// <summary>
    /// Lets only callers with this scope in: 401 without a valid identity, 403 <c>forbidden_scope</c> without the scope.
    /// </summary>
    public static TBuilder RequireScope<TBuilder>(this TBuilder builder, string scope)
        where TBuilder : IEndpointConventionBuilder
    {
        if (!All.Contains(scope))
            throw new ArgumentException($"unknown scope {scope}", nameof(scope));
        return builder.RequireAuthorization(scope);
    }

    /// <summary>
    /// For routes between services, all below <c>/internal</c>: lets only services in. No person's and no API token's
    /// identity will do, whatever its scopes (403).
    /// </summary>
    public static TBuilder RequireService<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.RequireAuthorization(IdentityAuthentication.ServiceOnly);
}
