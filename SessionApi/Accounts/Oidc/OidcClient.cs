using System.IdentityModel.Tokens.Jwt;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// The relying party of OpenID Connect's authorization code flow with PKCE:
/// 1. <see cref="AuthorizeUrlAsync"/>: the browser goes to the provider, with state, nonce and the hash of a verifier.
/// 2. The provider sends it back with a code, which <see cref="RedeemAsync"/> trades for tokens, server to server.
/// 3. The id token is checked: signature by a key of the provider, issuer, audience, expiry, nonce. Who it names signed in.
/// The access token is not used, and nothing of the provider's is kept.
/// </summary>
internal sealed partial class OidcClient(
    OidcDiscovery discovery, IOptions<AccountOptions> options, TimeProvider time, ILogger<OidcClient> logger)
{
    /// <summary>Between the provider's clock and ours.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(2);

    /// <summary>Signatures alone: with a shared secret, or none, whoever knows the public key could be the provider.</summary>
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false };

    // Its own nonces carry a timestamp; ours live in a cookie that ends.
    private static readonly OpenIdConnectProtocolValidator Protocol = new() { RequireTimeStampInNonce = false };

    private OidcOptions Options => options.Value.Oidc;

    /// <exception cref="ProblemException">503 <c>identity_provider_unavailable</c>.</exception>
    public async Task<string> AuthorizeUrlAsync(OidcState state, CancellationToken cancellationToken)
    {
        var provider = await discovery.GetAsync(cancellationToken);
        var message = new OpenIdConnectMessage
        {
            IssuerAddress = provider.AuthorizationEndpoint, ClientId = Options.ClientId, RedirectUri = state.RedirectUri,
            ResponseType = OpenIdConnectResponseType.Code, Scope = Options.Scopes, State = state.State, Nonce = state.Nonce,
            EnableTelemetryParameters = false,
        };
        message.SetParameter("code_challenge", Base64UrlEncoder.Encode(Secret.Hash(state.Verifier)));
        message.SetParameter("code_challenge_method", "S256");
        return message.CreateAuthenticationRequestUrl();
    }

    /// <summary>Redeems the code for the person who signed in.</summary>
    /// <exception cref="ProblemException">
    /// 400 <c>sign_in_expired</c>: the code is spent; 401 <c>sign_in_refused</c>: the id token is not valid; 502
    /// <c>upstream_failed</c>: the provider knows this client with other settings; 503 <c>identity_provider_unavailable</c>.
    /// </exception>
    public async Task<ExternalPerson> RedeemAsync(string code, OidcState state, CancellationToken cancellationToken)
    {
        var provider = await discovery.GetAsync(cancellationToken);
        var answer = await ExchangeAsync(provider, code, state, cancellationToken);
        var validated = await ValidateAsync(answer.IdToken, provider);
        if (validated.Exception is SecurityTokenInvalidSignatureException)
            validated = await ValidateAsync(answer.IdToken, provider = await discovery.RenewAsync(cancellationToken)); // the key is newer than our copy
        if (!validated.IsValid)
            throw Rejected(Reason(validated.Exception), validated.Exception);

        var token = (JsonWebToken)validated.SecurityToken;
        try
        {
            Protocol.ValidateTokenResponse(new OpenIdConnectProtocolValidationContext
            {
                ClientId = Options.ClientId, Nonce = state.Nonce, ProtocolMessage = answer, ValidatedIdToken = JwtSecurityTokenConverter.Convert(token),
            });
        }
        catch (OpenIdConnectProtocolException e)
        {
            throw Rejected(e is OpenIdConnectProtocolInvalidNonceException ? "nonce" : "claims", e);
        }
        return ExternalPerson.Of(token) ?? throw Rejected("subject", null);
    }

    private async Task<OpenIdConnectMessage> ExchangeAsync(
        OpenIdConnectConfiguration provider, string code, OidcState state, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, provider.TokenEndpoint);
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = OpenIdConnectGrantTypes.AuthorizationCode, ["code"] = code, ["redirect_uri"] = state.RedirectUri,
            ["code_verifier"] = state.Verifier, ["client_id"] = Options.ClientId!,
        };
        if (await SecretAsync(cancellationToken) is { } secret)
        {
            if (provider.TokenEndpointAuthMethodsSupported.Contains("client_secret_post"))
                form["client_secret"] = secret;
            else // what every provider must understand (RFC 6749, 2.3.1)
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(
                    $"{WebUtility.UrlEncode(Options.ClientId)}:{WebUtility.UrlEncode(secret)}")));
        }
        request.Content = new FormUrlEncodedContent(form);

        try
        {
            using var client = discovery.CreateClient();
            using var response = await client.SendAsync(request, cancellationToken);
            if ((int)response.StatusCode >= 500)
                throw discovery.Unavailable($"its token endpoint answered {(int)response.StatusCode}");
            var answer = new OpenIdConnectMessage(await response.Content.ReadAsStringAsync(cancellationToken));
            return response.IsSuccessStatusCode ? answer : throw Failed(answer.Error);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw discovery.Unavailable(discovery.Cause(e));
        }
        catch (ArgumentException) // not JSON
        {
            throw Failed("no JSON");
        }
    }

    private async Task<string?> SecretAsync(CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(Options.ClientSecretFile))
            return string.IsNullOrEmpty(Options.ClientSecret) ? null : Options.ClientSecret;
        return (await File.ReadAllTextAsync(Options.ClientSecretFile, cancellationToken)).Trim();
    }

    private Task<TokenValidationResult> ValidateAsync(string? idToken, OpenIdConnectConfiguration provider)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return Handler.ValidateTokenAsync(idToken ?? "", new TokenValidationParameters
        {
            ValidIssuer = provider.Issuer,
            ValidAudience = Options.ClientId,
            IssuerSigningKeys = provider.SigningKeys,
            ValidAlgorithms = Algorithms,
            // Nothing is added to the token's own times: one that is absent may come as the first moment there is.
            LifetimeValidator = (notBefore, expires, _, _) => expires > now - Skew && (notBefore is null || notBefore < now + Skew),
        });
    }

    private ProblemException Failed(string? error)
    {
        if (error == "invalid_grant")
            return Expired();
        LogExchangeFailed(error);
        return new(StatusCodes.Status502BadGateway, ErrorCodes.UpstreamFailed, "The identity provider did not accept this server; its log says why.");
    }

    public static ProblemException Expired() => new(
        StatusCodes.Status400BadRequest, ErrorCodes.SignInExpired, "This sign-in is over, or was not begun by this browser. Begin again.");

    private ProblemException Rejected(string what, Exception? reason)
    {
        LogRejected(what, reason?.Message);
        return new(StatusCodes.Status401Unauthorized, ErrorCodes.SignInRefused, $"The identity provider's token is not accepted: {what}.");
    }

    private static string Reason(Exception exception) => exception switch
    {
        SecurityTokenInvalidIssuerException => "issuer",
        SecurityTokenInvalidAudienceException => "audience",
        SecurityTokenInvalidLifetimeException or SecurityTokenNoExpirationException => "expired",
        SecurityTokenInvalidAlgorithmException => "algorithm",
        SecurityTokenInvalidSignatureException => "signature",
        _ => "not a token",
    };

    [LoggerMessage(LogLevel.Warning, "the identity provider's token endpoint rejected the code: {Error}")]
    private partial void LogExchangeFailed(string? error);

    // The library hides what is personal in its messages.
    [LoggerMessage(LogLevel.Warning, "id token rejected ({What}): {Reason}")]
    private partial void LogRejected(string what, string? reason);
}
