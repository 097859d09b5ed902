using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Engines;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Sessions;

/// <summary>
/// For operators, scope <c>ops</c>: which addresses sessions would be given to a client that comes as this request came. No
/// session is made.
/// </summary>
internal static class EngineAddresses
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    public static void MapEngineAddresses(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/ops/engines", ListAsync).RequireScope(Scopes.Ops).WithTags("engines");

    /// <summary>
    /// The live engines, and the address that a client who asked like this would be given for a session at each.
    /// </summary>
    private static async Task<Ok<EngineAddressList>> ListAsync(
        EngineStore engines, IHttpClientFactory clients, IdentityTokens identity,
        IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions> json, HttpContext http, CancellationToken cancellationToken)
    {
        var (live, client) = (await engines.LiveAsync(cancellationToken), ClientView.Of(http));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        return TypedResults.Ok(new EngineAddressList(await Task.WhenAll(
            live.OrderBy(engine => engine.Id, StringComparer.Ordinal).Select(AskAsync))));

        async Task<EngineAddressView> AskAsync(EngineRow engine)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(engine.Url), "/internal/engine/address"));
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null));
                client.AddTo(request);
                using var response = await clients.CreateClient(EngineDirectory.Engines).SendAsync(request, limit.Token);
                if (!response.IsSuccessStatusCode)
                {
                    var rejection = await EngineSessions.RejectionAsync(engine, response, limit.Token);
                    return new(engine.Id, engine.IsDraining, null, rejection.Code, rejection.Message);
                }
                var address = await response.Content.ReadFromJsonAsync<EngineAddress>(json.Value.SerializerOptions, limit.Token);
                return new(engine.Id, engine.IsDraining, address?.EngineUrl, null, null);
            }
            catch (Exception e) when (
                e is HttpRequestException or JsonException or InvalidOperationException
                || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                return new(engine.Id, engine.IsDraining, null, ErrorCodes.EngineUnavailable, $"engine {engine.Id} at {engine.Url} does not answer");
            }
        }
    }

    internal sealed record EngineAddressList(IReadOnlyList<EngineAddressView> Engines);

    /// <param name="Draining">It takes no new sessions on.</param>
    /// <param name="EngineUrl">As <c>engine_url</c> of a session, of no session and without a token; null: see the code.</param>
    /// <param name="Code">Why there is none.</param>
    internal sealed record EngineAddressView(string Id, bool Draining, string? EngineUrl, string? Code, string? Detail);
}
