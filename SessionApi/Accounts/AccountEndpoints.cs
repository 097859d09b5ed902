using System.Net;
using System.Text.Json.Serialization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Having an account and being signed in to it: docs/accounts.md.</summary>
internal static class AccountEndpoints
{
    private const int MaxName = 100;

    /// <summary>What a signed-in person may do. Not <c>ops</c> and <c>tools.admin</c>: those are the operator's, by API token.</summary>
    private static readonly string[] UserScopes =
    [
        Scopes.Chat, Scopes.Llm, Scopes.Tutors, Scopes.Sessions, Scopes.Roadmaps, Scopes.Collab, Scopes.Graph, Scopes.Repo,
        Scopes.Observe, Scopes.Tools, Scopes.Budgets,
    ];

    public static void MapAccounts(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/auth").WithTags("accounts");
        var open = group.MapGroup("").AllowAnonymous();
        open.MapGet("methods", Methods);
        open.MapPost("register", RegisterAsync).AddEndpointFilter(WithPasswords)
            .Fails(400, ErrorCodes.WeakPassword)
            .Fails(403, ErrorCodes.InvitationRequired, ErrorCodes.InvalidInvitation, ErrorCodes.PasswordLoginDisabled)
            .Fails(409, ErrorCodes.AccountExists).Fails(429, ErrorCodes.TooManyAttempts);
        open.MapPost("login", SignInAsync).AddEndpointFilter(WithPasswords)
            .Fails(401, ErrorCodes.InvalidCredentials).Fails(403, ErrorCodes.PasswordLoginDisabled)
            .Fails(429, ErrorCodes.TooManyAttempts);
        open.MapPost("refresh", RefreshAsync).Fails(401, ErrorCodes.InvalidRefreshToken);
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
    private static ValueTask<object?> WithPasswords(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.RequestServices.GetRequiredService<IOptions<AccountOptions>>().Value.PasswordLogin
            ? next(context)
            : ValueTask.FromResult<object?>(Problems.Create(
                StatusCodes.Status403Forbidden, ErrorCodes.PasswordLoginDisabled, "Nobody signs in with a password here; GET /api/auth/methods says how."));

    /// <summary>Makes an account, and a tenant with it. Signing in is another call.</summary>
    private static async Task<Created<AccountView>> RegisterAsync(
        RegisterRequest request, HttpContext http, AccountStore accounts, CancellationToken cancellationToken)
    {
        var (username, errors) = (Username.Normalize(request.Username), new ValidationErrors());
        errors.AddIf(!Username.IsValid(username), "username", Username.Rule);
        errors.CheckText("name", request.Name, MaxName);
        Passwords.Check(errors, "password", request.Password, username);
        errors.ThrowIfAny();

        var account = await accounts.RegisterAsync(
            username, request.Name is { Length: > 0 } name ? name : username, request.Password!,
            new(request.SetupCode, request.InvitationCode), ClientAddress(http), cancellationToken);
        return TypedResults.Created("/api/auth/me", AccountView.Of(account));
    }

    /// <summary>Signs in: tokens in the body, or cookies.</summary>
    private static async Task<Ok<SignedInView>> SignInAsync(
        SignInRequest request, HttpContext http, AccountStore accounts, UserTokens tokens, IOptions<AccountOptions> options,
        CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("username", request.Username, Username.MaxLength, required: true);
        errors.AddIf(string.IsNullOrEmpty(request.Password), "password", "password must not be empty.");
        errors.ThrowIfAny();

        var signedIn = await accounts.SignInAsync(
            Username.Normalize(request.Username), request.Password!, ClientAddress(http), cancellationToken);
        return Answer(http, signedIn, request.Cookie, tokens, options.Value);
    }

    /// <summary>
    /// The next tokens. With the token of the body, answered in the body; without one, with the browser's cookie,
    /// answered by cookies.
    /// </summary>
    private static async Task<Results<Ok<SignedInView>, ProblemHttpResult>> RefreshAsync(
        RefreshRequest? request, HttpContext http, AccountStore accounts, UserTokens tokens, IOptions<AccountOptions> options,
        CancellationToken cancellationToken)
    {
        var cookie = request?.RefreshToken is null;
        var signedIn = await accounts.RefreshAsync(request?.RefreshToken ?? http.Request.Cookies[UserCookies.Refresh], cancellationToken);
        if (signedIn is not null)
            return Answer(http, signedIn, cookie, tokens, options.Value);
        if (cookie)
            BrowserCookies.Clear(http);
        return Problems.Create(
            StatusCodes.Status401Unauthorized, ErrorCodes.InvalidRefreshToken, "The refresh token is unknown, spent or over. Sign in again.");
    }

    /// <summary>Ends the sign-in of a refresh token, or of the cookie.</summary>
    private static async Task<NoContent> SignOutAsync(
        RefreshRequest? request, HttpContext http, AccountStore accounts, CancellationToken cancellationToken)
    {
        await accounts.SignOutAsync(request?.RefreshToken ?? http.Request.Cookies[UserCookies.Refresh], cancellationToken);
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
            caller, request.CurrentPassword!, request.NewPassword!, ClientAddress(http), cancellationToken);
        return Answer(http, signedIn, request.Cookie, tokens, options.Value);
    }

    /// <summary>Who the caller is, and what it may do.</summary>
    private static async Task<CallerView> WhoAmIAsync(Caller caller, AccountStore accounts, CancellationToken cancellationToken)
    {
        var account = await accounts.FindAsync(caller, cancellationToken);
        return new(
            caller.Kind, caller.Tenant, caller.Subject, caller.Scopes.Order(StringComparer.Ordinal).ToList(),
            account is null ? null : AccountView.Of(account));
    }

    private static Ok<SignedInView> Answer(
        HttpContext http, SignedIn signedIn, bool cookie, UserTokens tokens, AccountOptions options)
    {
        var account = signedIn.Account;
        var access = cookie ? null : Issue(account, tokens, options);
        http.Response.Headers.CacheControl = "no-store";
        if (cookie)
            SetCookies(http, signedIn, tokens, options);
        return TypedResults.Ok(new SignedInView((int)options.AccessLifetime.TotalSeconds, AccountView.Of(account))
        {
            AccessToken = access,
            TokenType = cookie ? null : "Bearer",
            RefreshToken = cookie ? null : signedIn.Refresh.ToString(),
        });
    }

    internal static void SetCookies(HttpContext http, SignedIn signedIn, UserTokens tokens, AccountOptions options) =>
        BrowserCookies.Set(http, Issue(signedIn.Account, tokens, options), signedIn.Refresh.ToString(), options);

    private static string Issue(Account account, UserTokens tokens, AccountOptions options) =>
        tokens.Issue(account.Tenant, account.Id.ToString(), Role.Owner, UserScopes, options.AccessLifetime);

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
public sealed record SignInRequest(string? Username, string? Password, bool Cookie = false);

public sealed record RefreshRequest(string? RefreshToken);

public sealed record ChangePasswordRequest(string? CurrentPassword, string? NewPassword, bool Cookie = false);

/// <param name="Role"><c>admin</c> of the tenant.</param>
public sealed record AccountView(Guid Id, string Username, string Name, string Tenant, string Role, DateTimeOffset CreatedAt)
{
    internal static AccountView Of(Account a) => new(a.Id, a.Username, a.Name, a.Tenant, "admin", a.CreatedAt);
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
public sealed record CallerView(CallerKind Kind, string Tenant, string Subject, List<string> Scopes, AccountView? Account);
