namespace Lyceum.Doctor.Network;

/// <summary>No hop cuts a response that says nothing for some seconds. Longer bounds are found past the answer limit alone.</summary>
internal sealed class SilenceCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.Silence;

    public override string Doc => Hops;

    public override IReadOnlyList<string> Needs => [Ids.Token];

    public override TimeSpan Limit => TimeSpan.FromSeconds(25);

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var quick = Way.QuickTrials;
        await Task.WhenAll(quick.Before, quick.Within, quick.Engine).WaitAsync(cancellationToken);
        var expected = $"{Way.Silence.TotalSeconds:0} s without a byte pass, and {Way.NeededSeconds:0} s do with --deep";
        foreach (var (where, reading, direct) in new[]
        {
            ("before its headers", await quick.Before, quick.DirectBefore), ("behind its headers", await quick.Within, quick.DirectWithin),
        })
        {
            if (reading.IsCut)
            {
                return await Cut.BeforeGatewayAsync(
                    Way, $"a response that was silent {where}", reading, direct, expected, TimeoutFix(reading.Hop), cancellationToken);
            }
            if (!reading.IsWhole)
            {
                return Outcome.Fail(
                    $"no silent response could be had: {(int?)reading.Status} {reading.Code} {reading.Detail}", expected, "See the gateway's log.");
            }
        }
        var engine = await quick.Engine;
        if (engine.IsCut || engine.IsTimedOutByGateway)
            return Cut.BehindGateway("gpu-engine", "a silent response", engine, expected);
        return Outcome.Ok(
            $"{Way.Silence.TotalSeconds:0} s without a byte pass"
            + (engine.IsWhole ? ", from the engine too" : $"; the engine was not asked ({engine.Code ?? engine.Detail})"));
    }
}

/// <summary>Who ended a stream: the words for it.</summary>
internal static class Cut
{
    /// <summary>A stream of the gateway's own, cut before its end.</summary>
    /// <param name="what">"a response that was silent".</param>
    /// <param name="direct">The same at the gateway itself.</param>
    public static async Task<Outcome> BeforeGatewayAsync(
        Way way, string what, Reading reading, Task<Reading>? direct, string expected, string fix, CancellationToken cancellationToken)
    {
        var how = reading.Status is { } status and not System.Net.HttpStatusCode.OK ? $" ({(int)status})" : "";
        var same = direct is null ? null : await direct.WaitAsync(cancellationToken);
        if (same is { IsCut: true })
        {
            return Outcome.Fail(
                $"{what} was cut after {reading.Seconds}{how}, and at the gateway itself ({way.Gateway}) after {same.Seconds}", expected,
                "Something at the gateway itself ends it: see its log, the machine's firewall and what stands on its port.");
        }
        var who = (reading.Hop ?? way.Visible ?? Hop.Unknown).Name;
        var passes = same is null ? ""
            : same.IsWhole ? $"; directly at the gateway ({way.Gateway}) it passes"
            : $"; the gateway itself ({way.Gateway}) could not be asked: {same.Code} {same.Detail}";
        return Outcome.Fail($"{what} was cut after {reading.Seconds} by {who}{how}, between {way.Url} and the gateway{passes}", expected, fix);
    }

    /// <summary>A stream of a service, where those of the gateway pass.</summary>
    public static Outcome BehindGateway(string service, string what, Reading reading, string expected) => Outcome.Fail(
        reading.IsTimedOutByGateway
            ? $"{what} of {service} was given up by the gateway after {reading.Seconds}: {reading.Detail}"
            : $"{what} of {service} was cut after {reading.Seconds}, between the gateway and {service}; those of the gateway itself pass",
        expected,
        $"See what stands between the gateway and {service} (a mesh's sidecar, a tunnel, a firewall): it must wait as long. "
        + "Answers:MaxDuration must be the same at both.");
}
