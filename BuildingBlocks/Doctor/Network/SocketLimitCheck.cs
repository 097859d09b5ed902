namespace Lyceum.Doctor.Network;

/// <summary>A live session in which nobody speaks for long keeps its socket.</summary>
internal sealed class SocketLimitCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.SocketLimit;

    public override string Doc => Hops;

    public override IReadOnlyList<string> Needs => [Ids.Socket, Ids.AnswerLimit];

    public override bool Deep => true;

    public override TimeSpan Limit => TimeSpan.FromSeconds(Way.DeepSeconds + 45);

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var deep = Way.DeepTrials;
        await Task.WhenAll(deep.Pinged, deep.Beaten).WaitAsync(cancellationToken);
        var (pinged, beaten) = (await deep.Pinged, await deep.Beaten);
        var expected = $"an idle session's WebSocket is open after {Way.DeepSeconds:0} s";
        if (!beaten.IsAlive)
        {
            return Outcome.Fail(
                $"a WebSocket with a message every {Way.Facts?.PingSeconds:0} s was cut after {beaten.Seconds} by {Name(null)}: {beaten.Detail}",
                expected, SocketFix(null));
        }
        return pinged.IsAlive
            ? Outcome.Ok($"WebSockets are open after {Way.DeepSeconds:0} s, with ping frames alone too")
            : Outcome.Warn(
                $"a WebSocket with ping frames alone was cut after {pinged.Seconds} by {Name(null)}, one with messages was not: "
                + "it does not count control frames",
                expected,
                $"{SocketFix(null)} Clients of lyceum.v1 live on by its heartbeats; those of the simple protocol must ask for them "
                + "(docs/sessions.md).");
    }
}
