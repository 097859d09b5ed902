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
/// Bearer authentication whose refusals are problem documents with the <c>WWW-Authenticate</c> of RFC 6750. A stage
/// decides what a token is; this says no in one voice.
/// </summary>
public abstract partial class ProblemAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    private const string Bearer = "Bearer ";
    private string? _refusal;

    /// <summary>The caller a token stands for, or why there is none (never the token itself).</summary>
    protected abstract ValueTask<(System.Security.Claims.ClaimsPrincipal? Principal, string? Refusal)> VerifyAsync(string token);

    /// <summary>What the request shows, <c>Authorization: Bearer</c> unless overridden: nothing, a token, or a fault.</summary>
    protected virtual (string? Token, string? Refusal) ReadCredential()
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
        var (token, refusal) = ReadCredential();
        if (refusal is not null)
            return Refuse(refusal);
        if (string.IsNullOrEmpty(token))
            return AuthenticateResult.NoResult();

        (var principal, refusal) = await VerifyAsync(token);
        return principal is null
            ? Refuse(refusal ?? "unknown token")
            : AuthenticateResult.Success(new AuthenticationTicket(principal, Scheme.Name));
    }

    /// <param name="refusal">For the caller, as the end of a sentence; never the credential.</param>
    protected AuthenticateResult Refuse(string refusal)
    {
        _refusal = refusal;
        LogRefused(Logger, Scheme.Name, refusal);
        return AuthenticateResult.Fail(refusal);
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.Append(HeaderNames.WWWAuthenticate, _refusal is null ? "Bearer" : "Bearer error=\"invalid_token\"");
        var detail = _refusal is null
            ? "Send an Authorization: Bearer header."
            : $"The token is not accepted: {_refusal}.";
        return Problems.Create(StatusCodes.Status401Unauthorized, ErrorCodes.Unauthorized, detail).ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var scope = Context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy;
        Response.Headers.Append(
            HeaderNames.WWWAuthenticate, $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        return Problems.Create(
            StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenScope, $"This needs the scope {scope}.",
            [new("required_scope", scope)]).ExecuteAsync(Context);
    }

    [LoggerMessage(LogLevel.Debug, "{Scheme} token refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string scheme, string reason);
}
