using System.Security.Claims;
using System.Text.Encodings.Web;
using Lyceum.Gateway.Auth.Credentials;
using Lyceum.Gateway.Auth.Hmac;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Lyceum.Gateway.Auth;

/// <summary>
/// Authenticates callers: <c>Authorization: Bearer</c> with an API token or a user's JWT, <c>Authorization: HMAC</c>
/// with a signature, <c>X-API-Key</c> with an API token, or a browser's session cookie, which holds such a JWT. A
/// header wins over the cookie (a browser sends its cookie with every request). More than one header is rejected (RFC
/// 6750, 3.1).
/// </summary>
internal sealed class CallerHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, CredentialStore credentials,
    UserTokens userTokens, RejectionLog rejections)
    : ProblemAuthenticationHandler(options, loggers, encoder)
{
    public const string ApiKeyHeader = "X-API-Key";
    private const string Bearer = "Bearer ";

    private string _reason = RejectionReason.Missing;
    private string? _keyId;
    private bool _isSigned;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var headers = Request.Headers;
        var (authorization, apiKey) = (headers.Authorization, headers[ApiKeyHeader]);
        switch (authorization.Count + apiKey.Count)
        {
            case 0:
                return BrowserRequests.IsByCookie(Request) && UserCookies.Read(Request, UserCookies.Session) is { Length: > 0 } cookie
                    ? AuthenticateUserAsync(cookie)
                    : Task.FromResult(AuthenticateResult.NoResult());
            case > 1:
                return RejectFor(RejectionReason.Ambiguous);
        }

        if (apiKey.Count == 1)
            return AuthenticateToken(apiKey.ToString(), mayBeUser: false);
        var header = authorization.ToString();
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            return AuthenticateToken(header.AsSpan(Bearer.Length).Trim(), mayBeUser: true);
        return header.StartsWith(SignatureHeader.Scheme, StringComparison.OrdinalIgnoreCase)
            ? AuthenticateSignature(header)
            : RejectFor(RejectionReason.Malformed);
    }

    private Task<AuthenticateResult> AuthenticateSignature(string header)
    {
        _isSigned = true;
        var (signed, rejection, keyId) =
            SignedRequest.Verify(Request, header, credentials.Current, TimeProvider.GetUtcNow());
        if (signed is null)
            return RejectFor(rejection!, keyId);
        // SignedBodies verifies the rest: body and nonce.
        Context.Features.Set(signed);
        return signed.Accepted.Result;
    }

    private Task<AuthenticateResult> AuthenticateToken(ReadOnlySpan<char> token, bool mayBeUser)
    {
        // A JWT has two dots, but an API token may have them too, so it is looked up first.
        if (credentials.Current.FindToken(token) is not { } found)
            return mayBeUser && token.Count('.') == 2
                ? AuthenticateUserAsync(token.ToString()) : RejectFor(RejectionReason.Unknown);
        return found.Rejection(TimeProvider.GetUtcNow()) is { } reason
            ? RejectFor(reason, found.Credential.Id)
            : found.Result;
    }

    private async Task<AuthenticateResult> AuthenticateUserAsync(string token)
    {
        var (principal, rejection) = await VerifyAsync(token);
        if (principal is not null)
            return AuthenticateResult.Success(new AuthenticationTicket(principal, CallerScheme.Name));
        _reason = RejectionReason.UserToken;
        return Reject(rejection ?? RejectionReason.Words(RejectionReason.Unknown));
    }

    protected override ValueTask<(ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(string token) =>
        userTokens.VerifyAsync(token);

    private Task<AuthenticateResult> RejectFor(string reason, string? keyId = null)
    {
        (_reason, _keyId) = (reason, keyId);
        return Task.FromResult(Reject(RejectionReason.Words(reason)));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = _reason == RejectionReason.Ambiguous
            ? StatusCodes.Status400BadRequest : StatusCodes.Status401Unauthorized;
        rejections.Record(Context, _reason, _keyId);
        if (_reason == RejectionReason.Ambiguous)
        {
            Response.Headers.Append(HeaderNames.WWWAuthenticate, "Bearer error=\"invalid_request\"");
            await Problems.BadRequest("Send one credential: an Authorization header or an X-API-Key header, once.").ExecuteAsync(Context);
        }
        else if (_isSigned)
        {
            await HmacChallenge.Answer(Context, _reason).ExecuteAsync(Context);
        }
        else
        {
            await base.HandleChallengeAsync(properties);
        }
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status403Forbidden;
        rejections.Record(Context, RejectionReason.Scope, (Context.User.Identity as CallerIdentity)?.KeyId);
        return base.HandleForbiddenAsync(properties);
    }
}
