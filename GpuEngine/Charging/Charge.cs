using Lyceum.EngineClient;

namespace Lyceum.GpuEngine.Charging;

/// <summary>
/// One answer's charge, reserved before the model is asked and settled when this is disposed: by the model's own count,
/// else by the length of prompt and answer. Without an answer nothing was used.
/// </summary>
internal sealed class Charge(
    ModelCharges charges, Payer payer, long promptBytes, IReadOnlyList<ChargedUnits> taken) : IDisposable
{
    private long _estimated;
    private int _settled;

    /// <summary>Who answered; unknown where none could be asked.</summary>
    public string Model { get; set; } = "";

    /// <summary>What the model counted; null: nothing.</summary>
    public TokenUsage? Usage { get; set; }

    /// <summary>Tokens of an answer that the model does not count, about.</summary>
    public void Answered(long tokens) => _estimated += tokens;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _settled, 1) == 0)
            charges.Settle(Settlement());
    }

    private ChargeSettlement Settlement()
    {
        if (Usage is var (prompt, completion, total)
            && Math.Max(total, (long)prompt + completion) is > 0 and var counted)
        {
            var asked = Math.Clamp((long)prompt, 0, counted);
            return new(payer.Tenant, payer.Person, Model, asked, counted - asked, taken);
        }
        var likely = _estimated > 0 ? TokenEstimate.Likely(promptBytes) : 0;
        return new(payer.Tenant, payer.Person, Model, likely, _estimated, taken);
    }
}
