using System.Net;

namespace Lyceum.Doctor.Network;

/// <summary>A WebSocket opens through the public address, carries messages both ways, and stays open while it is idle.</summary>
internal sealed class SocketCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.Socket;

    public override string Doc => Hops;

    /// <summary>A short timeout ends sockets too: it is told there.</summary>
    public override IReadOnlyList<string> Needs => [Ids.Token, Ids.Silence];

    public override TimeSpan Limit => TimeSpan.FromSeconds(40);

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "a WebSocket opens, echoes, and stays open while nothing is said";
        var talk = await Way.QuickTrials.Socket.WaitAsync(cancellationToken);
        return talk switch
        {
            { IsAlive: true } => Outcome.Ok($"a WebSocket opens, and stays open over {Way.Silence.TotalSeconds:0} s of silence"),
            { IsOpen: false, Status: HttpStatusCode.UpgradeRequired } => Outcome.Fail(
                $"{Name(null)} does not pass the upgrade on: the gateway gets an ordinary request (426)", expected, SocketFix(null)),
            { IsOpen: false } => Outcome.Fail(
                $"a WebSocket is refused with {(int)talk.Status}: {talk.Detail}", expected, SocketFix(null)),
            { IsEchoed: false } => Outcome.Fail($"a WebSocket opens, and {talk.Detail}", expected, SocketFix(null)),
            _ => Outcome.Fail($"an idle WebSocket was cut after {talk.Seconds} by {Name(null)}: {talk.Detail}", expected, SocketFix(null)),
        };
    }
}
