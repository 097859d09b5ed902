using Lyceum.EngineClient;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Safety;

/// <summary>Judges of texts; those that ask models ask them through an engine.</summary>
public sealed class Judges(ModerationClient engines, IOptions<SafetyOptions> options, TimeProvider time)
{
    /// <param name="subject">On whose behalf a model is asked.</param>
    public Judge Of(ModerationPolicy policy, string tenant, string subject) => new(policy, new EngineJudge(this, tenant, subject));

    private async Task<IReadOnlyList<string>?> FlagsAsync(
        ModerationBy by, string text, string tenant, string subject, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.Value.JudgeTimeout, time);
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var flags = await engines.FlagsAsync(
            by == ModerationBy.Guard ? ModerationClient.Guard : null, text, tenant, subject, bound.Token);
        cancellationToken.ThrowIfCancellationRequested();
        return flags;
    }

    private sealed class EngineJudge(Judges judges, string tenant, string subject) : IModelJudge
    {
        public Task<IReadOnlyList<string>?> FlagsAsync(
            ModerationBy by, Side side, string text, CancellationToken cancellationToken) =>
            judges.FlagsAsync(by, text, tenant, subject, cancellationToken);
    }
}
