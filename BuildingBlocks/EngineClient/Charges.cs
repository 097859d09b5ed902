namespace Lyceum.EngineClient;

/// <summary>
/// What engines and the gateway, which keeps the budgets, tell each other (docs/adr/0034): units are reserved before a
/// model is asked, and settled after. Below <see cref="Path"/>: <c>POST /reserve</c> and <c>POST /settle</c>.
/// </summary>
public static class Charges
{
    public const string Path = "/internal/charges";
}

/// <param name="Person">On whose behalf the model is asked.</param>
/// <param name="PromptBytes">Of the prompt's text, in UTF-8.</param>
/// <param name="MaxTokens">Tokens that the answer may have; null: the request sets no bound.</param>
public sealed record ChargeRequest(string Tenant, string Person, long PromptBytes, long? MaxTokens);

/// <param name="IsLimited">False: no budget applies to this person.</param>
public sealed record ChargeGrant(bool IsLimited, IReadOnlyList<ChargedUnits> Taken);

/// <summary>Units that were taken from one budget. Whoever settles them shows them again.</summary>
public sealed record ChargedUnits(string Account, string Period, long Units);

/// <summary>What an answer used. Sent at most once: what is not settled counts as used in full.</summary>
public sealed record ChargeSettlement(
    string Tenant, string Person, string Model, long PromptTokens, long CompletionTokens,
    IReadOnlyList<ChargedUnits> Taken);
