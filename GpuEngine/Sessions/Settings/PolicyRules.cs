using System.Text;
using Lyceum.Text.Moderation;

namespace Lyceum.GpuEngine.Sessions.Settings;

/// <summary>What a session's policy may hold.</summary>
internal static class PolicyRules
{
    private const int MaxHelp = 64 * 1024; // bytes

    /// <returns>In a sentence; null where nothing is wrong with it.</returns>
    public static string? FaultOf(ModerationPolicy policy)
    {
        var words = policy.Words ?? [];
        if (words.Count > ModerationPolicy.MaxWords
            || words.Any(word => word is null || word.Length > ModerationPolicy.MaxWordLength))
        {
            return $"moderation.words may hold {ModerationPolicy.MaxWords} words of {ModerationPolicy.MaxWordLength} "
                + "characters at most.";
        }
        if (policy.By?.Any(by => !Enum.IsDefined(by)) == true || !Enum.IsDefined(policy.WhenUnavailable))
            return "moderation.by must be words, guard or moderations, and moderation.when_unavailable refuse or go_on.";
        return policy.Help?.Text is { } text && Encoding.UTF8.GetByteCount(text) > MaxHelp
            ? $"moderation.help.text may have {MaxHelp} bytes at most."
            : null;
    }

    /// <summary>What is absent in it is empty.</summary>
    public static ModerationPolicy Complete(ModerationPolicy policy) =>
        policy with { Words = policy.Words ?? [], By = policy.By ?? [] };
}
