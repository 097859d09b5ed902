using System.Net.Mime;
using System.Security.Cryptography;
using System.Text;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// Signing in with an external provider, by a browser: docs/accounts.md. What goes wrong is told to a page (who accepts
/// <c>text/html</c>) as <c>return_to?error=code</c>, to a program as a problem document.
/// </summary>
internal static class OidcEndpoints
{
    private const string CallbackPath = $"{UserCookies.OidcPath}/callback";

    public static void MapOidc(this IEndpointRouteBuilder routes)
    {
        var open = routes.MapGroup(UserCookies.OidcPath).WithTags("accounts").AllowAnonymous();
        open.MapGet("login", LoginAsync)
            .Produces(302).Fails(404, ErrorCodes.NotFound).Fails(503, ErrorCodes.IdentityProviderUnavailable);
        open.MapGet("callback", CallbackAsync)
            .Produces(302).Fails(400, ErrorCodes.SignInExpired).Fails(401, ErrorCodes.SignInRefused)
            .Fails(403, ErrorCodes.NotAdmitted, ErrorCodes.NotAMember, ErrorCodes.InvitationRequired, ErrorCodes.InvalidInvitation)
            .Fails(404, ErrorCodes.NotFound).Fails(429, ErrorCodes.TooManyAttempts)
            .Fails(503, ErrorCodes.IdentityProviderUnavailable);
    }

    /// <summary>Sends a browser to the external identity provider.</summary>
    private static async Task<Results<RedirectHttpResult, ProblemHttpResult>> LoginAsync(
        [AsParameters] LoginQuery query, HttpContext http, OidcClient provider, SignedNotes notes, IOptions<AccountOptions> options,
        CancellationToken cancellationToken)
    {
        if (!options.Value.Oidc.IsConfigured)
            return NotConfigured();
        var errors = new ValidationErrors();
        var returnTo = ReturnTo.Parse(query.ReturnTo ?? "/");
        errors.AddIf(returnTo is null, "return_to",
            $"return_to must be a path of this server, of at most {ReturnTo.MaxLength} characters: /…");
        errors.CheckText("setup_code", query.SetupCode, 100);
        errors.CheckText("invitation_code", query.InvitationCode, 100);
        errors.ThrowIfAny();

        var state = OidcState.Begin(PublicOrigin(http) + CallbackPath, returnTo!, new(query.SetupCode, query.InvitationCode));
        try
        {
            var url = await provider.AuthorizeUrlAsync(state, cancellationToken);
            BrowserCookies.SetOidc(http, state.Write(notes), OidcState.Lifetime);
            return Redirect(http, url);
        }
        catch (ProblemException e)
        {
            return Failed(http, state, e);
        }
    }

    /// <summary>Where the identity provider sends the browser back to.</summary>
    private static async Task<Results<RedirectHttpResult, ProblemHttpResult>> CallbackAsync(
        [AsParameters] CallbackQuery query, HttpContext http, OidcClient provider, ExternalAccounts accounts, AttemptLimit attempts,
        SignedNotes notes, UserTokens tokens, IOptions<AccountOptions> options, CancellationToken cancellationToken)
    {
        if (!options.Value.Oidc.IsConfigured)
            return NotConfigured();
        // Not begun by this browser, or long ago: there is nowhere to send it. Its cookie stays: a stranger's link must not end
        // a sign-in that is under way.
        if (await OidcState.ReadAsync(notes, UserCookies.Read(http.Request, UserCookies.Oidc)) is not { } state || !Same(query.State, state.State))
            return OidcClient.Expired().ToResult();
        BrowserCookies.ClearOidc(http);
        try
        {
            if (string.IsNullOrEmpty(query.Code))
                throw new ProblemException(StatusCodes.Status401Unauthorized, ErrorCodes.SignInRefused, "The identity provider signed nobody in.");
            // A code costs a call to the provider: who shows one that is none is counted as who guesses passwords is.
            var address = AccountEndpoints.ClientAddress(http);
            await attempts.ThrowIfFullAsync(null, address, cancellationToken);
            using var turn = await attempts.TurnAsync(address, cancellationToken);
            await attempts.TakeAsync(address, cancellationToken);
            var person = await provider.RedeemAsync(query.Code, state, cancellationToken);
            var signedIn = await accounts.SignInAsync(person, state.Codes, AccountEndpoints.Device(http), cancellationToken);
            await attempts.GiveBackAsync(address, cancellationToken);
            AccountEndpoints.SetCookies(http, signedIn, tokens, options.Value);
            return Redirect(http, state.ReturnTo);
        }
        catch (ProblemException e)
        {
            return Failed(http, state, e);
        }
    }

    private static Results<RedirectHttpResult, ProblemHttpResult> Failed(HttpContext http, OidcState state, ProblemException e) =>
        AcceptHeader.Preferred(http.Request, MediaTypeNames.Application.ProblemJson, MediaTypeNames.Text.Html)
            == MediaTypeNames.Text.Html
            ? Redirect(http, ReturnTo.WithError(state.ReturnTo, e.Code))
            : e.ToResult();

    private static RedirectHttpResult Redirect(HttpContext http, string url)
    {
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Redirect(url);
    }

    private static ProblemHttpResult NotConfigured() => Problems.NotFound(
        ErrorCodes.NotFound, "No external provider is configured here; GET /api/auth/methods says how to sign in.");

    private static bool Same(string? shown, string state) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(shown ?? ""), Encoding.UTF8.GetBytes(state));

    /// <summary>As the browser sees this server, in the gateway's words; it sets both headers, and takes none over.</summary>
    private static string PublicOrigin(HttpContext http)
    {
        var scheme = http.Request.Headers["X-Forwarded-Proto"].FirstOrDefault() ?? http.Request.Scheme;
        var host = http.Request.Headers["X-Forwarded-Host"].FirstOrDefault() ?? http.Request.Host.Value;
        return $"{scheme}://{host}";
    }
}

internal sealed record LoginQuery
{
    /// <summary>A path of this server; absent: <c>/</c>.</summary>
    [FromQuery(Name = "return_to")]
    public string? ReturnTo { get; init; }

    /// <summary>For the first account where registration is not open.</summary>
    [FromQuery(Name = "setup_code")]
    public string? SetupCode { get; init; }

    /// <summary>For who is not admitted without one.</summary>
    [FromQuery(Name = "invitation_code")]
    public string? InvitationCode { get; init; }
}

/// <summary>The provider's answer. Its words for an error are not repeated: anybody can write such a link.</summary>
internal sealed record CallbackQuery
{
    public string? Code { get; init; }

    public string? State { get; init; }
}
