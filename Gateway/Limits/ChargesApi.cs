using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Where engines charge what the gateway does not see: answers that outlive their request, turns of live sessions, and
/// what services ask for (chats, jobs). For services alone; docs/adr/0034.
/// </summary>
internal static class ChargesApi
{
    private const int MaxSettlements = 1000;

    public static void MapCharges(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(Charges.Path).RequireService().WithTags("internal").ExcludeFromDescription()
            .WithMetadata(FreeOfLimits.Instance);
        group.MapPost("reserve", ReserveAsync);
        group.MapPost("settle", Settle);
    }

    /// <summary>Takes units from every budget of the person and the tenant, or from none.</summary>
    private static async Task<ChargeGrant> ReserveAsync(ChargeRequest request, HttpContext http, ModelTokens tokens) =>
        await tokens.ReserveAsync(http, request);

    /// <summary>Gives back what was not used, and counts what was.</summary>
    private static IResult Settle(IReadOnlyList<ChargeSettlement> settlements, ModelTokens tokens)
    {
        foreach (var settlement in settlements.Take(MaxSettlements))
            tokens.Settle(settlement);
        return Results.NoContent();
    }
}
