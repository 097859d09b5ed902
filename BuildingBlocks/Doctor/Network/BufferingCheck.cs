namespace Lyceum.Doctor.Network;

/// <summary>What is sent bit by bit comes bit by bit.</summary>
internal sealed class BufferingCheck(Way way) : NetworkCheck(way)
{
    private const int Tries = 3;

    public override string Id => Ids.Buffering;

    public override string Doc => Hops;

    public override IReadOnlyList<string> Needs => [Ids.Token];

    public override TimeSpan Limit => TimeSpan.FromSeconds(25);

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "each part comes when it is sent";
        var reading = await Way.QuickTrials.Trickled.WaitAsync(cancellationToken);
        // Again: a machine that stood still would look the same.
        for (var tries = 1; tries < Tries && IsHeldBack(reading); tries++)
            reading = await Way.TrickleAsync(Way.Url).WaitAsync(cancellationToken);
        if (!reading.IsWhole)
        {
            return Outcome.Skipped(
                $"the stream broke off ({reading.Detail})", $"a stream that passes: {Ids.Silence}");
        }
        if (!IsHeldBack(reading))
            return Outcome.Ok($"{reading.Parts.Count} parts over {Way.Trickling} s came one by one");

        var saw = $"parts came up to {Held(reading) / 1000:0.0} s after they were sent, several together: held back by {Name(reading.Hop)}";
        if (Way.Gateway is { } gateway)
        {
            saw += IsHeldBack(await Way.TrickleAsync(gateway).WaitAsync(cancellationToken))
                ? $", and so at the gateway itself ({gateway})" : $"; directly at the gateway ({gateway}) they come one by one";
        }
        return Outcome.Fail(saw, expected, BufferingFix(reading.Hop));
    }

    /// <summary>
    /// Some came much later than others, counted from their sending: a buffer, which gives when it is full, and no slow
    /// network, which is slow for all.
    /// </summary>
    private static bool IsHeldBack(Reading reading) => reading is { IsWhole: true, Parts.Count: > 2 } && Held(reading) > 2.5 * Way.Interval * 1000;

    private static double Held(Reading reading)
    {
        var late = reading.Parts.Select(part => part.Came - part.Sent).ToList();
        return late.Max() - late.Min();
    }
}
