namespace Lyceum.Doctor.Network;

/// <summary>What is sent bit by bit comes bit by bit.</summary>
internal sealed class BufferingCheck(Way way) : NetworkCheck(way)
{
    public override string Id => "LYC-NET-007";

    public override IReadOnlyList<string> Needs => [TokenCheck.Name1];

    public override TimeSpan Limit => TimeSpan.FromSeconds(25);

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "each part comes when it is sent";
        var reading = await Way.QuickTrials.Trickled.WaitAsync(cancellationToken);
        // Again: a machine that stood still would look the same.
        if (IsHeldBack(reading))
            reading = await Way.TrickleAsync(Way.Url).WaitAsync(cancellationToken);
        if (!reading.IsWhole)
        {
            return Outcome.Skipped(
                $"the stream broke off ({reading.Detail})", $"a stream that passes: {SilenceCheck.Name1}");
        }
        if (!IsHeldBack(reading))
            return Outcome.Ok($"{reading.Parts.Count} parts over {Way.Trickling} s came one by one");

        var first = reading.Parts[0];
        var saw = $"the first of {reading.Parts.Count} parts came {(first.Came - first.Sent) / 1000:0.0} s after it was sent, together with the others: held back by {Name(reading.Hop)}";
        if (Way.Gateway is { } gateway)
        {
            saw += IsHeldBack(await Way.TrickleAsync(gateway).WaitAsync(cancellationToken))
                ? $", and so at the gateway itself ({gateway})" : $"; directly at the gateway ({gateway}) they come one by one";
        }
        return Outcome.Fail(saw, expected, BufferingFix(reading.Hop));
    }

    /// <summary>The first part came when half of them had been sent: a buffer, and no slow network.</summary>
    private static bool IsHeldBack(Reading reading) =>
        reading is { IsWhole: true, Parts: { Count: > 2 } parts } && parts[0].Came > parts[parts.Count / 2].Sent;
}
