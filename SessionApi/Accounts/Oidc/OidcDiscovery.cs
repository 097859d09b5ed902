using System.Net.Sockets;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// What the provider says of itself: its addresses and its keys, fetched when they are first needed, again after some
/// hours, and at once when it signs with an unknown key. The start does not wait for it; while it is away, sign-ins
/// with it fail.
/// </summary>
internal sealed partial class OidcDiscovery(
    IHttpClientFactory clients, IOptions<AccountOptions> options, TimeProvider time, ILogger<OidcDiscovery> logger)
{
    public const string HttpClientName = "oidc";

    /// <summary>Bytes of an answer; a key set has some thousand.</summary>
    private const int MaxAnswer = 1024 * 1024;

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    private readonly Lock _lock = new();

    // Written by the one fetch that runs at a time.
    private volatile Known? _known;
    private Task<Known>? _fetch;

    private sealed record Known(OpenIdConnectConfiguration Configuration, DateTimeOffset FetchedAt);

    private OidcOptions Options => options.Value.Oidc;

    /// <exception cref="ProblemException">503 <c>identity_provider_unavailable</c>, with the cause.</exception>
    public async ValueTask<OpenIdConnectConfiguration> GetAsync(CancellationToken cancellationToken)
    {
        if (_known is { } known && time.GetUtcNow() < known.FetchedAt + Lifetime)
            return known.Configuration;
        return await RenewAsync(cancellationToken);
    }

    /// <summary>
    /// Fetched anew. Only a redeemed code with the provider's own token leads here: strangers cannot cause requests.
    /// </summary>
    /// <exception cref="ProblemException">503 <c>identity_provider_unavailable</c>, with the cause.</exception>
    public async Task<OpenIdConnectConfiguration> RenewAsync(CancellationToken cancellationToken)
    {
        Task<Known> fetch;
        lock (_lock)
            fetch = _fetch is { IsCompleted: false } ? _fetch : _fetch = FetchAsync();
        return (await fetch.WaitAsync(cancellationToken)).Configuration;
    }

    /// <summary>A client that gives up in time.</summary>
    public HttpClient CreateClient()
    {
        var client = clients.CreateClient(HttpClientName);
        (client.Timeout, client.MaxResponseContentBufferSize) = (Options.Timeout, MaxAnswer);
        return client;
    }

    /// <summary>Shared by all callers that wait: the end of one does not cancel it.</summary>
    private async Task<Known> FetchAsync()
    {
        await Task.Yield(); // out of the lock
        var authority = Options.Authority!.TrimEnd('/');
        try
        {
            using var client = CreateClient();
            // The library rejects key sets over plain HTTP; options allow that on loopback alone.
            var retriever = new HttpDocumentRetriever(client) { RequireHttps = authority.StartsWith("https:", StringComparison.OrdinalIgnoreCase) };
            var configuration = await OpenIdConnectConfigurationRetriever.GetAsync(
                $"{authority}/.well-known/openid-configuration", retriever, CancellationToken.None);
            if (configuration.Issuer?.TrimEnd('/') != authority)
                throw Unavailable($"it calls itself {configuration.Issuer}; Accounts:Oidc:Authority must be that");
            if (string.IsNullOrEmpty(configuration.AuthorizationEndpoint) || string.IsNullOrEmpty(configuration.TokenEndpoint)
                || configuration.SigningKeys.Count == 0)
                throw Unavailable("it names no authorization endpoint, token endpoint or keys");
            return _known = new(configuration, time.GetUtcNow());
        }
        catch (Exception e) when (e is not ProblemException)
        {
            throw Unavailable(Cause(e));
        }
    }

    public ProblemException Unavailable(string cause) => new(
        StatusCodes.Status503ServiceUnavailable, ErrorCodes.IdentityProviderUnavailable,
        $"The identity provider at {Options.Authority} cannot be used: {cause}.", TimeSpan.FromSeconds(5));

    /// <summary>What a person at the browser is told of it; the log has the rest, addresses and all.</summary>
    public string Cause(Exception e)
    {
        var cause = e.GetBaseException();
        LogUnavailable(cause.Message);
        return e is OperationCanceledException || cause is TimeoutException or TaskCanceledException
            ? $"no answer within {Options.Timeout.TotalSeconds:0.#} s"
            : cause is SocketException or HttpRequestException or IOException ? "it cannot be reached" : "its answer cannot be used";
    }

    [LoggerMessage(LogLevel.Warning, "the identity provider cannot be used: {Reason}")]
    private partial void LogUnavailable(string reason);
}
