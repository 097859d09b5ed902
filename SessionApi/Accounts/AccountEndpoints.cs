using System.Net;
using System.Text.Json.Serialization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Having an account and being signed in to it: docs/accounts.md.</summary>
internal static class AccountEndpoints
{
    private const int MaxName = 100;

    private const int MaxTenant = 200;
    private const int MaxCode = 100;
    private const int MaxDevice = 200;

    public static void MapAccounts(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/auth").WithTags("accounts");
        var open = group.MapGroup("").AllowAnonymous();
        open.MapGet("methods", Methods);
        open.MapPost("register", RegisterAsync).AddEndpointFilter(WithPasswords)
            .Fails(400, ErrorCodes.WeakPassword)
            .Fails(403, ErrorCodes.InvitationRequired, ErrorCodes.InvalidInvitation, ErrorCodes.PasswordLoginDisabled)
            .Fails(409, ErrorCodes.AccountExists, ErrorCodes.LimitReached).Fails(429, ErrorCodes.TooManyAttempts);
        open.MapPost("login", SignInAsync).AddEndpointFilter(WithPasswords)
            .Fails(401, ErrorCodes.InvalidCredentials)
            .Fails(403, ErrorCodes.PasswordLoginDisabled, ErrorCodes.PasswordChangeRequired, ErrorCodes.NotAMember, ErrorCodes.InvalidInvitation)
            .Fails(409, ErrorCodes.LimitReached).Fails(429, ErrorCodes.TooManyAttempts);
        open.MapPost("first-password", FirstPasswordAsync).AddEndpointFilter(WithPasswords)
            .Fails(400, ErrorCodes.WeakPassword).Fails(401, ErrorCodes.InvalidCredentials)
            .Fails(403, ErrorCodes.PasswordLoginDisabled, ErrorCodes.NotAMember).Fails(429, ErrorCodes.TooManyAttempts);
        open.MapPost("refresh", RefreshAsync).Fails(401, ErrorCodes.InvalidRefreshToken).Fails(403, ErrorCodes.NotAMember);
        open.MapPost("logout", SignOutAsync);
        group.MapPost("change-password", ChangePasswordAsync).RequireAuthorization().AddEndpointFilter(WithPasswords)
            .Fails(400, ErrorCodes.WeakPassword).Fails(401, ErrorCodes.InvalidCredentials)
            .Fails(403, ErrorCodes.AccountRequired, ErrorCodes.PasswordLoginDisabled)
            .Fails(429, ErrorCodes.TooManyAttempts);
        group.MapGet("me", WhoAmIAsync).RequireAuthorization();
    }

    /// <summary>How people sign in here.</summary>
    private static SignInMethods Methods(IOptions<AccountOptions> options) => new(
        options.Value.PasswordLogin,
        options.Value.Oidc is { IsConfigured: true } oidc ? new(oidc.DisplayName, OidcOptions.LoginPath) : null);

    /// <summary>Lets nothing through where people sign in with an external provider alone.</summary>
    internal static ValueTask<object?> WithPasswords(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.RequestServices.GetRequiredService<IOptions<AccountOptions>>().Value.PasswordLogin
            ? next(context)
            : ValueTask.FromResult<object?>(Problems.Create(
                StatusCodes.Status403Forbidden, ErrorCodes.PasswordLoginDisabled, "Nobody signs in with a password here; GET /api/auth/methods says how."));

    /// <summary>
    /// Makes an account: a member of the tenant that invited it, else the owner of a tenant of its own. Signing in is another call.
    /// </summary>
    private static async Task<Created<AccountView>> RegisterAsync(
        RegisterRequest request, HttpContext http, AccountStore accounts, CancellationToken cancellationToken)
    {
        var (username, errors) = (Username.Normalize(request.Username), new ValidationErrors());
        errors.AddIf(!Username.IsValid(username), "username", Username.Rule);
        errors.CheckText("name", request.Name, MaxName);
        Passwords.Check(errors, "password", request.Password, username);
        errors.ThrowIfAny();

        var (account, role) = await accounts.RegisterAsync(
            username, request.Name is { Length: > 0 } name ? name : username, request.Password!,
            new(request.SetupCode, request.InvitationCode), ClientAddress(http), cancellationToken);
        return TypedResults.Created("/api/auth/me", AccountView.Of(account, account.Tenant, role));
    }

    /// <summary>Signs in: tokens in the body, or cookies.</summary>
    private static async Task<Ok<SignedInView>> SignInAsync(
        SignInRequest request, HttpContext http, AccountStore accounts, UserTokens tokens, IOptions<AccountOptions> options,
        CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("username", request.Username, Username.MaxLength, required: true);
        errors.AddIf(string.IsNullOrEmpty(request.Password), "password", "password must not be empty.");
        errors.CheckText("tenant", request.Tenant, MaxTenant);
        errors.CheckText("invitation_code", request.InvitationCode, MaxCode);
        errors.ThrowIfAny();

        var signedIn = await accounts.SignInAsync(
            Username.Normalize(request.Username), request.Password!, new(request.Tenant, request.InvitationCode, Device(http)),
            ClientAddress(http), cancellationToken);
        return Answer(http, signedIn, request.Cookie, tokens, options.Value);
    }

    /// <summary>
    /// The first sign-in of an account that a teacher made, or whose password was reset: its code, and the password to be.
    /// </summary>
    private static async Task<Ok<SignedInView>> FirstPasswordAsync(
        FirstPasswordRequest request, HttpContext http, AccountStore accounts, UserTokens tokens, IOptions<AccountOptions> options,
        CancellationToken cancellationToken)
    {
        var (username, errors) = (Username.Normalize(request.Username), new ValidationErrors());
        errors.CheckText("username", request.Username, Username.MaxLength, required: true);
        errors.CheckText("code", request.Code, MaxCode, required: true);
        Passwords.Check(errors, "new_password", request.NewPassword, username);
        errors.ThrowIfAny();

        var signedIn = await accounts.FirstPasswordAsync(
            username, request.Code!, request.NewPassword!, Device(http), ClientAddress(http), cancellationToken);
        return Answer(http, signedIn, request.Cookie, tokens, options.Value);
    }

    /// <summary>
    /// The next tokens. With the token of the body, answered in the body; without one, with the browser's cookie,
    /// answered by cookies. With <c>tenant</c>, of another tenant that the person belongs to. The token is spent; shown again
    /// within 30 s it is answered with the same ones.
    /// </summary>
    private static async Task<Results<Ok<SignedInView>, ProblemHttpResult>> RefreshAsync(
        RefreshRequest? request, HttpContext http, AccountStore accounts, UserTokens tokens, IOptions<AccountOptions> options,
        CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("tenant", request?.Tenant, MaxTenant);
        errors.ThrowIfAny();
        var cookie = request?.RefreshToken is null;
        var signedIn = await accounts.RefreshAsync(
            request?.RefreshToken ?? UserCookies.Read(http.Request, UserCookies.Refresh), request?.Tenant, cancellationToken);
        if (signedIn is not null)
            return Answer(http, signedIn, cookie, tokens, options.Value);
        if (cookie)
            BrowserCookies.Clear(http);
        return Problems.Create(
            StatusCodes.Status401Unauthorized, ErrorCodes.InvalidRefreshToken, "The refresh token is unknown, spent or over. Sign in again.");
    }

    /// <summary>Ends the sign-in of a refresh token, or of the cookie.</summary>
    private static async Task<NoContent> SignOutAsync(
        SignOutRequest? request, HttpContext http, AccountStore accounts, CancellationToken cancellationToken)
    {
        await accounts.SignOutAsync(
            request?.RefreshToken ?? UserCookies.Read(http.Request, UserCookies.Refresh), cancellationToken);
        BrowserCookies.Clear(http);
        return TypedResults.NoContent();
    }

    /// <summary>Changes the password. Every other sign-in of the account ends.</summary>
    private static async Task<Ok<SignedInView>> ChangePasswordAsync(
        ChangePasswordRequest request, Caller caller, HttpContext http, AccountStore accounts, UserTokens tokens,
        IOptions<AccountOptions> options, CancellationToken cancellationToken)
    {
        var account = await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
        var errors = new ValidationErrors();
        errors.AddIf(
            string.IsNullOrEmpty(request.CurrentPassword), "current_password", "current_password must not be empty.");
        Passwords.Check(errors, "new_password", request.NewPassword, account.Username);
        errors.ThrowIfAny();

        var signedIn = await accounts.ChangePasswordAsync(
            caller, request.CurrentPassword!, request.NewPassword!, Device(http), ClientAddress(http), cancellationToken);
        return Answer(http, signedIn, request.Cookie, tokens, options.Value);
    }

    /// <summary>Who the caller is, and what it may do.</summary>
    private static async Task<CallerView> WhoAmIAsync(Caller caller, AccountStore accounts, CancellationToken cancellationToken)
    {
        var account = await accounts.FindAsync(caller, cancellationToken);
        return new(
            caller.Kind, caller.Tenant, caller.Subject, caller.Role ?? Role.Owner,
            caller.Scopes.Order(StringComparer.Ordinal).ToList(),
            account is null ? null : AccountView.Of(account, caller.Tenant, caller.Role ?? Role.Owner));
    }

    private static Ok<SignedInView> Answer(
        HttpContext http, SignedIn signedIn, bool cookie, UserTokens tokens, AccountOptions options)
    {
        var access = cookie ? null : Issue(signedIn, tokens, options);
        http.Response.Headers.CacheControl = "no-store";
        if (cookie)
            SetCookies(http, signedIn, tokens, options);
        return TypedResults.Ok(new SignedInView((int)options.AccessLifetime.TotalSeconds, AccountView.Of(signedIn.Account, signedIn.Tenant, signedIn.Role))
        {
            AccessToken = access,
            TokenType = cookie ? null : "Bearer",
            RefreshToken = cookie ? null : signedIn.Refresh.ToString(),
        });
    }

    internal static void SetCookies(HttpContext http, SignedIn signedIn, UserTokens tokens, AccountOptions options) =>
        BrowserCookies.Set(http, Issue(signedIn, tokens, options), signedIn.Refresh.ToString(), options);

    private static string Issue(SignedIn signedIn, UserTokens tokens, AccountOptions options) => tokens.Issue(
        signedIn.Tenant, signedIn.Account.Id.ToString(), signedIn.Role,
        RoleScopes.Of(signedIn.Role, signedIn.Account.Operator), options.AccessLifetime);

    /// <summary>What signs in, as it calls itself; null: it does not.</summary>
    internal static string? Device(HttpContext http) =>
        StorableText.Truncate(http.Request.Headers.UserAgent.ToString(), MaxDevice) is { Length: > 0 } device ? device : null;

    /// <summary>As the gateway saw it; it sets the header, and takes none over.</summary>
    internal static IPAddress? ClientAddress(HttpContext http) =>
        IPAddress.TryParse(http.Request.Headers["X-Forwarded-For"].ToString().Split(',')[^1].Trim(), out var forwarded)
            ? forwarded
            : http.Connection.RemoteIpAddress;
}

/// <param name="Password">Whether accounts with passwords sign in.</param>
/// <param name="Oidc">The external provider; null where there is none.</param>
public sealed record SignInMethods(bool Password, OidcMethod? Oidc);

/// <param name="Name">For the button.</param>
/// <param name="Login">Where a browser goes, with <c>?return_to=/…</c>.</param>
public sealed record OidcMethod(string Name, string Login);

/// <param name="Username">An e-mail address or a name.</param>
/// <param name="Name">How to call them; absent: the username.</param>
/// <param name="SetupCode">For the first account where registration is not open.</param>
/// <param name="InvitationCode">For every other there.</param>
public sealed record RegisterRequest(
    string? Username, string? Password, string? Name = null, string? SetupCode = null, string? InvitationCode = null);

/// <param name="Cookie">Answer with cookies instead of tokens: for browsers.</param>
/// <param name="Tenant">Where to, for who belongs to several; absent: the account's own.</param>
/// <param name="InvitationCode">Accepted before.</param>
public sealed record SignInRequest(
    string? Username, string? Password, bool Cookie = false, string? Tenant = null, string? InvitationCode = null);

/// <param name="Code">Of the printed list, or of the reset.</param>
/// <param name="Cookie">Answer with cookies instead of tokens: for browsers.</param>
public sealed record FirstPasswordRequest(string? Username, string? Code, string? NewPassword, bool Cookie = false);

/// <param name="RefreshToken">Absent: the cookie's.</param>
/// <param name="Tenant">The tenant to go on in; absent: as before.</param>
public sealed record RefreshRequest(string? RefreshToken, string? Tenant = null);

public sealed record SignOutRequest(string? RefreshToken);

public sealed record ChangePasswordRequest(string? CurrentPassword, string? NewPassword, bool Cookie = false);

/// <param name="Tenant">The active one.</param>
/// <param name="Role">What the person is in it.</param>
public sealed record AccountView(Guid Id, string Username, string Name, string Tenant, Role Role, DateTimeOffset CreatedAt)
{
    internal static AccountView Of(Account a, string tenant, Role role) => new(a.Id, a.Username, a.Name, tenant, role, a.CreatedAt);
}

/// <param name="ExpiresIn">Seconds until the access token, or its cookie, is spent.</param>
public sealed record SignedInView(int ExpiresIn, AccountView Account)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? AccessToken { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TokenType { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RefreshToken { get; init; }
}

/// <param name="Account">Null for an API token, which has none.</param>
public sealed record CallerView(
    CallerKind Kind, string Tenant, string Subject, Role Role, List<string> Scopes, AccountView? Account);
