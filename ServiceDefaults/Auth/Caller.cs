using System.Security.Claims;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>What a caller is: a person who signed in, an API token, or a service on its own account.</summary>
public enum CallerKind { User, Token, Service }

/// <summary>
/// What a person is in a tenant (docs/adr/0037), the least first: <c>student</c>, <c>teacher</c>, <c>owner</c> in JSON, claims and SQL.
/// </summary>
public enum Role { Student, Teacher, Owner }

/// <summary>
/// Who calls, from the validated identity token; a handler takes it as a parameter. Things are stored under
/// <c>(Tenant, Person)</c> and found by it; ids in bodies and queries are data, never authority.
/// </summary>
/// <param name="Tenant">The tenant all of the caller's data belongs to.</param>
/// <param name="Subject">User id, token subject, or the calling service's name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Scopes">What it may do.</param>
public sealed record Caller(string Tenant, string Subject, CallerKind Kind, IReadOnlySet<string> Scopes)
{
    /// <summary>
    /// The subject that a service acts for (claim <c>act</c>); null when it calls on its own account.
    /// </summary>
    public string? Act { get; init; }

    /// <summary>
    /// What the caller is in its tenant (claim <c>role</c>); an API token is an owner, and a service has none.
    /// </summary>
    public Role? Role { get; init; }

    /// <summary>
    /// How much of what all callers use together it may hold (0 to 1); null: as its kind
    /// (<see cref="Shares.ShareOptions"/>).
    /// </summary>
    public double? Share { get; init; }

    /// <summary>
    /// Whose things this call reads and makes, in every service: the subject that a service acts for, else the caller's
    /// own.
    /// </summary>
    public string Person => Act ?? Subject;

    /// <summary>
    /// Whether a route that asks for <paramref name="scope"/> is open to this caller. <see cref="Auth.Scopes.Engine"/>
    /// is not for persons, and every service may use it.
    /// </summary>
    internal bool May(string scope) => scope != Auth.Scopes.Engine
        ? Scopes.Contains(scope)
        : Kind == CallerKind.Service || (Kind == CallerKind.Token && Scopes.Contains(scope));

    /// <exception cref="ProblemException">401, when the principal carries no identity.</exception>
    public static Caller From(ClaimsPrincipal principal)
    {
        var identity = principal.Identity as CallerIdentity
            ?? throw new ProblemException(StatusCodes.Status401Unauthorized, ErrorCodes.Unauthorized, "no identity");
        return identity.Caller;
    }

    /// <summary>Minimal-API binding: a handler parameter of this type is the caller.</summary>
    public static ValueTask<Caller> BindAsync(HttpContext context) => ValueTask.FromResult(From(context.User));
}

/// <summary>Carries the <see cref="Caller"/> that an authentication stage established; its claims are not used.</summary>
public sealed class CallerIdentity(Caller caller, string scheme) : ClaimsIdentity(scheme)
{
    public Caller Caller { get; } = caller;

    /// <summary>The configured credential that was shown, by its id; null for a person, and between services.</summary>
    public string? KeyId { get; init; }

    /// <summary>The caller that a configured credential or a token's <c>scope</c> claim describes.</summary>
    public static ClaimsPrincipal Principal(Caller caller, string scheme) => new(new CallerIdentity(caller, scheme));
}
