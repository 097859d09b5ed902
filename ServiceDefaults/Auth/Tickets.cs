using System.Collections.Frozen;
using System.Text.Encodings.Web;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Narrow credentials: a ticket opens one path of the service that issued it, as one caller, for a while. Its audience is that
/// path, so that no service takes it for an identity. It is shown in the query string by what cannot send headers
/// (<c>EventSource</c>), or as a bearer token by a client that got a URL and a token for it (an engine that searches).
/// </summary>
public sealed class Tickets
{
    public const string Parameter = "ticket";
    internal const string Scheme = "ticket";

    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly IdentityKeys _keys;
    private readonly IdentityVerifier _verifier;
    private readonly ServiceInfo _service;
    private readonly TimeProvider _time;

    internal Tickets(IdentityKeys keys, IdentityVerifier verifier, ServiceInfo service, TimeProvider time) =>
        (_keys, _verifier, _service, _time) = (keys, verifier, service, time);

    /// <summary><c>{path}?ticket=…</c>, good for <paramref name="caller"/> with <paramref name="scope"/> alone.</summary>
    public string Issue(string path, Caller caller, string scope, TimeSpan lifetime) =>
        $"{path}?{Parameter}={IssueToken(path, caller, scope, lifetime)}";

    /// <summary>The ticket itself, to be shown as <c>Authorization: Bearer</c>, or as <c>ticket</c> in the query.</summary>
    /// <param name="path">As a request to it names it: unescaped, without host and query.</param>
    public string IssueToken(string path, Caller caller, string scope, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var now = _time.GetUtcNow();
        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = _service.Service,
            Audience = Audience(path),
            Expires = (now + lifetime).UtcDateTime,
            Claims = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                [JwtRegisteredClaimNames.Sub] = caller.Person, ["tenant"] = caller.Tenant, ["scope"] = scope,
            },
            SigningCredentials = _keys.Signing.Credentials,
        });
    }

    /// <summary>The caller of a ticket at <paramref name="path"/>, or why it is rejected.</summary>
    internal async ValueTask<(Caller? Caller, string? Rejection)> RedeemAsync(string path, string ticket)
    {
        var (jwt, rejection) = await _verifier.ValidateAsync(ticket, Audience(path));
        if (jwt is null)
            return (null, rejection);
        if (jwt.Issuer != _service.Service)
            return (null, "issuer");
        var scope = jwt.GetPayloadValue<string>("scope");
        return (new Caller(jwt.GetPayloadValue<string>("tenant"), jwt.Subject, CallerKind.Token, FrozenSet.Create(scope)), null);
    }

    private static string Audience(string path) => $"ticket:{path}";

    /// <summary>
    /// Accepts a ticket of this path, in the query or as bearer token, or an identity. Where the query has a ticket, it
    /// is the only credential that counts.
    /// </summary>
    internal sealed class TicketHandler(
        IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, Tickets tickets,
        IdentityVerifier identities)
        : ProblemAuthenticationHandler(options, loggers, encoder)
    {
        private bool IsInQuery => Request.Query.ContainsKey(Parameter);

        protected override (string? Token, string? Rejection) ReadCredential() =>
            IsInQuery ? (Request.Query[Parameter], null) : base.ReadCredential();

        protected override async ValueTask<(
            System.Security.Claims.ClaimsPrincipal? Principal, string? Rejection)> VerifyAsync(string token)
        {
            if (!IsInQuery)
            {
                var identity = await identities.VerifyAsync(token);
                if (identity.Rejection is not IdentityVerifier.OtherAudience)
                    return identity;
            }
            var (caller, rejection) = await tickets.RedeemAsync(Request.Path, token);
            return (caller is null ? null : CallerIdentity.Principal(caller, Scheme.Name), rejection);
        }
    }
}

public static class TicketEndpoints
{
    /// <summary>As <see cref="Scopes.RequireScope"/>, but a ticket of the request's own path will do as well.</summary>
    public static TBuilder RequireScopeOrTicket<TBuilder>(this TBuilder builder, string scope)
        where TBuilder : IEndpointConventionBuilder =>
        builder.RequireAuthorization(new AuthorizeAttribute(scope) { AuthenticationSchemes = Tickets.Scheme });

    /// <summary>
    /// As <see cref="Scopes.RequireService"/>, with this scope, but a ticket of the request's own path will do as well.
    /// </summary>
    public static TBuilder RequireServiceOrTicket<TBuilder>(this TBuilder builder, string scope)
        where TBuilder : IEndpointConventionBuilder => builder.RequireAuthorization(
            new AuthorizeAttribute(scope) { AuthenticationSchemes = Tickets.Scheme },
            new AuthorizeAttribute(IdentityAuthentication.ServiceOrTicket));
}
