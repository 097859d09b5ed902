using System.Text.Encodings.Web;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Bearer authentication whose rejections are problem documents with the <c>WWW-Authenticate</c> of RFC 6750. A derived
/// class decides what a token is.
/// </summary>
public abstract partial class ProblemAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    private const string Bearer = "Bearer ";
    private string? _rejection;

    /// <summary>The caller a token stands for, or why there is none (never the token itself).</summary>
    protected abstract ValueTask<(System.Security.Claims.ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(
        string token);

    /// <summary>
    /// What the request shows, <c>Authorization: Bearer</c> unless overridden: nothing, a token, or an error.
    /// </summary>
    protected virtual (string? Token, string? Rejection) ReadCredential()
    {
        string? header = Request.Headers.Authorization;
        if (string.IsNullOrEmpty(header))
            return (null, null);
        return header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            ? (header[Bearer.Length..].Trim(), null)
            : (null, "only Bearer is understood");
    }

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var (token, rejection) = ReadCredential();
        if (rejection is not null)
            return Reject(rejection);
        if (string.IsNullOrEmpty(token))
            return AuthenticateResult.NoResult();

        (var principal, rejection) = await VerifyAsync(token);
        return principal is null
            ? Reject(rejection ?? "unknown token")
            : AuthenticateResult.Success(new AuthenticationTicket(principal, Scheme.Name));
    }

    /// <param name="rejection">For the caller, as the end of a sentence; never the credential.</param>
    protected AuthenticateResult Reject(string rejection)
    {
        _rejection = rejection;
        LogRejected(Logger, Scheme.Name, rejection);
        return AuthenticateResult.Fail(rejection);
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.Append(
            HeaderNames.WWWAuthenticate, _rejection is null ? "Bearer" : "Bearer error=\"invalid_token\"");
        var detail = _rejection is null
            ? "Send an Authorization: Bearer header."
            : $"The token is not accepted: {_rejection}.";
        return Problems.Create(StatusCodes.Status401Unauthorized, ErrorCodes.Unauthorized, detail).ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var scope = Context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy;
        if (scope is IdentityAuthentication.ServiceOnly or IdentityAuthentication.ServiceOrTicket)
        {
            Response.Headers.Append(HeaderNames.WWWAuthenticate, "Bearer error=\"insufficient_scope\"");
            return Problems.Create(
                StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenScope, "This route is for services alone.")
                .ExecuteAsync(Context);
        }
        Response.Headers.Append(
            HeaderNames.WWWAuthenticate, $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        return Problems.Create(
            StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenScope, $"This needs the scope {scope}.",
            [new("required_scope", scope)]).ExecuteAsync(Context);
    }

    [LoggerMessage(LogLevel.Debug, "{Scheme} token rejected: {Reason}")]
    private static partial void LogRejected(ILogger logger, string scheme, string reason);
}
