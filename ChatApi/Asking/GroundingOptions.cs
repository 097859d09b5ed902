namespace Lyceum.ChatApi.Asking;

/// <summary>How answers are grounded, section <c>Grounding</c>.</summary>
public sealed class GroundingOptions
{
    public const string Section = "Grounding";

    /// <summary>Passages given to the model; at most 50.</summary>
    public int Passages { get; set; } = 6;

    /// <summary>
    /// How long a question waits for its tutor and its passages. Reached: it goes on without passages, which the answer says; without its
    /// tutor it is rejected (503).
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(3);
}
