using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>The largest answer there is, in the window that is kept for a reader who lags.</summary>
public sealed class ReplayRoomTests
{
    [Theory]
    [InlineData(1, 256 * 1024)]
    [InlineData(16, 256 * 1024)]
    [InlineData(64, 4 * 1024 * 1024)]
    [InlineData(4096, 4 * 1024 * 1024)]
    public void Text_OfTheLargestAnswer_IsKeptBehindItsDeltas(int piece, int largest)
    {
        var options = new LiveSessionOptions { MaxAnswerBytes = largest };
        var events = new EventStream(options, TimeProvider.System);
        for (var said = 0; said < largest; said += piece)
            events.Publish(new TextDelta(1, new string('x', piece)));

        var text = events.Publish(new TurnText(1, new string('x', largest), "stop", []));
        events.Publish(new LatencyReport(1, null, TimeSpan.Zero, null, null, null, TimeSpan.Zero, null));
        events.Publish(new TurnAccepted(2, null));

        events.After(text - 1).Event.ShouldBeOfType<TurnText>();
    }
}
