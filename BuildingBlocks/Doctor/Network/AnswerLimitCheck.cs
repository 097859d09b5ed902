namespace Lyceum.Doctor.Network;

/// <summary>No hop cuts an answer that lasts as long as an answer may: silent until it comes whole, or trickling with pings.</summary>
internal sealed class AnswerLimitCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.AnswerLimit;

    public override string Doc => Hops;

    public override IReadOnlyList<string> Needs => [Ids.Token, Ids.Silence];

    public override bool Deep => true;

    public override TimeSpan Limit => TimeSpan.FromSeconds(Way.DeepSeconds + 30);

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var deep = Way.DeepTrials;
        await Task.WhenAll(deep.Silent, deep.Trickling, deep.EngineSilent, deep.ChatTrickling).WaitAsync(cancellationToken);
        var (silent, trickling) = (await deep.Silent, await deep.Trickling);
        var expected =
            $"answers of {Way.AnswerSeconds:0} s (Answers:MaxDuration) pass, silent and trickling: each hop waits {Way.NeededSeconds:0} s";
        if (trickling.IsCut)
        {
            var what = silent.IsCut
                ? $"a silent answer was cut after {silent.Seconds}, and one that trickled"
                : "an answer that trickled";
            return await Cut.BeforeGatewayAsync(
                Way, what, trickling, deep.DirectTrickling, $"{expected}. This hop bounds the complete response",
                TimeoutFix(trickling.Hop), cancellationToken);
        }
        if (silent.IsCut)
        {
            return await Cut.BeforeGatewayAsync(
                Way, "an answer that was silent until it came whole", silent, deep.DirectSilent,
                $"{expected}. This hop bounds the silence: a trickling answer passed", TimeoutFix(silent.Hop), cancellationToken);
        }
        if (!silent.IsWhole || !trickling.IsWhole)
        {
            var refused = silent.IsWhole ? trickling : silent;
            return Outcome.Fail(
                $"no such answer could be had: {(int?)refused.Status} {refused.Code} {refused.Detail}", expected, "See the gateway's log.");
        }
        var (engine, chat) = (await deep.EngineSilent, await deep.ChatTrickling);
        if (engine.IsCut || engine.IsTimedOutByGateway)
            return Cut.BehindGateway("gpu-engine", "a silent answer", engine, expected);
        if (chat.IsCut || chat.IsTimedOutByGateway)
            return Cut.BehindGateway("chat-api", "a trickling answer", chat, expected);
        var through = (engine.IsWhole ? ", from the engine" : "") + (chat.IsWhole ? ", from chat-api" : "");
        return Outcome.Ok($"answers of {Way.DeepSeconds:0} s pass, silent and trickling{through}");
    }
}
