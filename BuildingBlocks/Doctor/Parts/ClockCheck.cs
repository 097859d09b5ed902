namespace Lyceum.Doctor.Parts;

/// <summary>
/// Clocks agree. A signed request is refused 300 s beside the gateway's clock (docs/hmac.md), a service's identity 5 s: this
/// machine is compared with the gateway, the other services and PostgreSQL, and services with each other.
/// </summary>
internal sealed class ClockCheck(Databases databases, Answers answers, TimeProvider time) : Check
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(300);

    /// <summary>Of an identity's beginning; and one more, since <c>Date</c> has whole seconds.</summary>
    private static readonly TimeSpan BetweenServices = TimeSpan.FromSeconds(6);

    public override string Id => Ids.Clock;

    public override string Doc => "docs/hmac.md";

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var instances = (await answers.HealthAsync()).Where(one => one.Ahead is not null).Select(one => (one.Instance.Name, Ahead: one.Ahead!.Value)).ToList();
        var clocks = instances.Concat(await DatabasesAsync(cancellationToken)).ToList();
        if (clocks.Count == 0)
            return Outcome.Skipped("there is no clock to compare with", "a service or a database that answers");
        const string fix = "Let every machine set its clock by NTP: timedatectl set-ntp true, and see timedatectl timesync-status.";
        var furthest = clocks.MaxBy(clock => clock.Ahead.Duration());
        var saw = $"{furthest.Name} is {Math.Abs(furthest.Ahead.TotalSeconds):0.0} s {(furthest.Ahead < TimeSpan.Zero ? "behind" : "ahead of")} this machine";
        if (furthest.Ahead.Duration() > Window)
            return Outcome.Fail($"{saw}: signed requests are refused", "clocks that agree", fix);
        if (instances.Count > 1 && instances.MaxBy(one => one.Ahead) is var latest && instances.MinBy(one => one.Ahead) is var earliest
            && latest.Ahead - earliest.Ahead > BetweenServices)
        {
            return Outcome.Fail(
                $"{latest.Name} is {(latest.Ahead - earliest.Ahead).TotalSeconds:0.0} s ahead of {earliest.Name}: services refuse each other's identity",
                "clocks that agree", fix);
        }
        return furthest.Ahead.Duration() > Window / 3
            ? Outcome.Warn($"{saw}; beyond {Window.TotalSeconds:0} s signed requests are refused", "clocks that agree", fix)
            : Outcome.Ok(saw);
    }

    private async Task<IReadOnlyList<(string Name, TimeSpan Ahead)>> DatabasesAsync(CancellationToken cancellationToken)
    {
        // One is enough: mostly they are of one server.
        if (databases.Names is not [var first, ..])
            return [];
        try
        {
            await using var connection = await databases.OpenAsync(first, cancellationToken);
            var before = time.GetUtcNow();
            var row = await Databases.RowAsync(connection, "SELECT clock_timestamp()", cancellationToken);
            return [("PostgreSQL", new DateTimeOffset((DateTime)row[0]) - (before + ((time.GetUtcNow() - before) / 2)))];
        }
        catch (Npgsql.NpgsqlException)
        {
            return []; // another check says so
        }
    }
}
