using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.Tenants;

internal static class PersonScope
{
    /// <summary>
    /// For every signed-in person, whatever their role; an API token needs one of the scopes: what it may is in its configuration.
    /// </summary>
    public static TBuilder RequirePersonOr<TBuilder>(this TBuilder builder, params string[] scopes)
        where TBuilder : IEndpointConventionBuilder =>
        builder.RequireAuthorization().AddEndpointFilter(async (context, next) =>
            Caller.From(context.HttpContext.User) is { Kind: CallerKind.Token } token && !scopes.Any(token.Scopes.Contains)
                ? Problems.Create(
                    StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenScope, $"An API token needs the scope {scopes[0]} for this.")
                : await next(context));
}
