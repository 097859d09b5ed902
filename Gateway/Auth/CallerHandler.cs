using System.Security.Claims;
using System.Text.Encodings.Web;
using Lyceum.Gateway.Auth.Hmac;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Lyceum.Gateway.Auth;

/// <summary>
/// Who calls: <c>Authorization: Bearer</c> with an API token or a user's JWT, <c>Authorization: HMAC</c> with a signature,
/// <c>X-API-Key</c> with an API token, or a browser's session cookie, which holds such a JWT. A header wins over the cookie
/// (who sends one means it, and a browser sends its cookie with everything); more than one header is refused, for what was
/// meant is then a guess (RFC 6750, 3.1).
/// </summary>
internal sealed class CallerHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, CredentialStore credentials,
    UserTokens userTokens, RefusalLog refusals)
    : ProblemAuthenticationHandler(options, loggers, encoder)
{
    public const string SchemeName = "caller";
    public const string ApiKeyHeader = "X-API-Key";
    private const string Bearer = "Bearer ";

    private string _reason = Refusals.Missing;
    private string? _keyId;
    private bool _isSigned;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var headers = Request.Headers;
        var (authorization, apiKey) = (headers.Authorization, headers[ApiKeyHeader]);
        switch (authorization.Count + apiKey.Count)
        {
            case 0:
                return BrowserRequests.IsByCookie(Request) && Request.Cookies[UserCookies.Session] is { Length: > 0 } cookie
                    ? AuthenticateUserAsync(cookie)
                    : Task.FromResult(AuthenticateResult.NoResult());
            case > 1:
                return Refused(Refusals.Ambiguous);
        }

        if (apiKey.Count == 1)
            return AuthenticateToken(apiKey.ToString(), mayBeUser: false);
        var header = authorization.ToString();
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            return AuthenticateToken(header.AsSpan(Bearer.Length).Trim(), mayBeUser: true);
        return header.StartsWith(SignatureHeader.Scheme, StringComparison.OrdinalIgnoreCase)
            ? AuthenticateSignature(header)
            : Refused(Refusals.Malformed);
    }

    private Task<AuthenticateResult> AuthenticateSignature(string header)
    {
        _isSigned = true;
        var (signed, refusal, keyId) = SignedRequest.Verify(Request, header, credentials.Current, TimeProvider.GetUtcNow());
        if (signed is null)
            return Refused(refusal!, keyId);
        // What is still to be verified is found there (SignedBodies).
        Context.Features.Set(signed);
        return signed.Accepted.Result;
    }

    private Task<AuthenticateResult> AuthenticateToken(ReadOnlySpan<char> token, bool mayBeUser)
    {
        // A JWT has two dots; an API token has what its maker gave it, so it is looked up first.
        if (credentials.Current.FindToken(token) is not { } found)
            return mayBeUser && token.Count('.') == 2 ? AuthenticateUserAsync(token.ToString()) : Refused(Refusals.Unknown);
        return found.Refusal(TimeProvider.GetUtcNow()) is { } reason
            ? Refused(reason, found.Credential.Id)
            : found.Result;
    }

    private async Task<AuthenticateResult> AuthenticateUserAsync(string token)
    {
        var (principal, refusal) = await VerifyAsync(token);
        if (principal is not null)
            return AuthenticateResult.Success(new AuthenticationTicket(principal, SchemeName));
        _reason = Refusals.UserToken;
        return Reject(refusal ?? Refusals.Words(Refusals.Unknown));
    }

    protected override ValueTask<(ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(string token) =>
        userTokens.VerifyAsync(token);

    private Task<AuthenticateResult> Refused(string reason, string? keyId = null)
    {
        (_reason, _keyId) = (reason, keyId);
        return Task.FromResult(Reject(Refusals.Words(reason)));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = _reason == Refusals.Ambiguous ? StatusCodes.Status400BadRequest : StatusCodes.Status401Unauthorized;
        refusals.Record(Context, _reason, _keyId);
        if (_reason == Refusals.Ambiguous)
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
        refusals.Record(Context, Refusals.Scope, (Context.User.Identity as CallerIdentity)?.KeyId);
        return base.HandleForbiddenAsync(properties);
    }
}
