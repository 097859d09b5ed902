using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;

namespace Lyceum.SessionApi.Erasures;

/// <summary>Taking along all that is kept of oneself, and having it deleted: docs/privacy.md.</summary>
internal static class ErasureEndpoints
{
    public static void MapErasures(this IEndpointRouteBuilder routes)
    {
        var me = routes.MapGroup("/api/me").RequireAuthorization().WithTags("accounts")
            .Fails(403, ErrorCodes.AccountRequired);
        me.MapDelete("", DeleteAsync).Fails(401, ErrorCodes.InvalidCredentials)
            .Fails(403, ErrorCodes.RecentSignInRequired).Fails(409, ErrorCodes.LastOwner)
            .Fails(429, ErrorCodes.TooManyAttempts);
        me.MapGet("export", ExportAsync).Produces<string>(StatusCodes.Status200OK, "application/zip").Fails(403, ErrorCodes.PersonErased);
        routes.MapClassArchives();
        routes.MapGet("/api/erasures/{id:guid}", StatusAsync).AllowAnonymous().WithTags("accounts")
            .Fails(404, ErrorCodes.ErasureNotFound);
    }

    /// <summary>
    /// Deletes the caller's account, and all that is kept of them, in every service. The account is gone with this
    /// answer; the rest is confirmed at the deletion's own address, which needs no sign-in.
    /// </summary>
    private static async Task<Accepted<ErasureView>> DeleteAsync(
        [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] DeleteMeRequest? request, Caller caller, HttpContext http,
        ErasureStore erasures, ErasureSweep sweep, CancellationToken cancellationToken)
    {
        var erasure = await erasures.BeginAsync(
            caller, request?.Password, AccountEndpoints.ClientAddress(http), cancellationToken);
        sweep.Wake();
        BrowserCookies.Clear(http);
        return TypedResults.Accepted($"/api/erasures/{erasure.Id}", ErasureView.Of(erasure, []));
    }

    /// <summary>How far a deletion is. Open: who asked for it cannot sign in any more. It names nobody.</summary>
    private static async Task<ErasureView> StatusAsync(Guid id, ErasureStore erasures, CancellationToken cancellationToken)
    {
        var (erasure, steps) = await erasures.ReadAsync(id, cancellationToken);
        return ErasureView.Of(erasure, steps);
    }

    /// <summary>
    /// All that is kept of the caller as one ZIP archive: JSON as it is stored, and Markdown to read.
    /// </summary>
    private static async Task ExportAsync(
        Caller caller, HttpContext http, AccountStore accounts, ExportArchive archive, CancellationToken cancellationToken)
    {
        _ = await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
        await archive.WriteAsync(caller, http, cancellationToken);
    }
}

/// <param name="Password">Of the account; not needed by who signs in with an external provider, and has just done so.</param>
public sealed record DeleteMeRequest(string? Password);

/// <param name="DoneAt">When the last service confirmed; null while it is going on.</param>
public sealed record ErasureView(Guid Id, DateTimeOffset RequestedAt, DateTimeOffset? DoneAt, List<ErasureStepView> Services)
{
    internal static ErasureView Of(ErasureRow erasure, IEnumerable<ErasureStep> steps) => new(
        erasure.Id, erasure.RequestedAt, erasure.DoneAt,
        [.. steps.GroupBy(step => step.Service).Select(of => new ErasureStepView(
            of.Key.StartsWith(ErasureStep.OfClass, StringComparison.Ordinal) ? of.Key[ErasureStep.OfClass.Length..] : of.Key,
            of.All(step => step.DoneAt is not null)))]);
}

/// <param name="Service">A service; of a class also <c>archive</c>, which comes first.</param>
/// <param name="Done">It has confirmed that nothing is left.</param>
public sealed record ErasureStepView(string Service, bool Done);
