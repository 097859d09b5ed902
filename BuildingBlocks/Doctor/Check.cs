namespace Lyceum.Doctor;

/// <summary>One question about an installation.</summary>
public abstract class Check
{
    /// <summary>Stable; documented in docs/doctor.md.</summary>
    public abstract string Id { get; }

    /// <summary>A page of the documentation.</summary>
    public abstract string Doc { get; }

    /// <summary>Ids of checks without which this one has no meaning: where one of them failed, this one is skipped.</summary>
    public virtual IReadOnlyList<string> Needs => [];

    /// <summary>It waits longer than an answer may take, and runs only where that was asked for.</summary>
    public virtual bool Deep => false;

    /// <summary>After it the check is ended and has failed.</summary>
    public virtual TimeSpan Limit => TimeSpan.FromSeconds(10);

    /// <summary>Looks. What it throws is taken for a failure.</summary>
    public abstract Task<Outcome> RunAsync(CancellationToken cancellationToken);
}

/// <summary>What a check saw: a <see cref="Finding"/> without what the check itself knows.</summary>
public sealed record Outcome(Verdict Verdict, string Saw, string Expected, string? Fix = null)
{
    public static Outcome Ok(string saw) => new(Verdict.Ok, saw, saw);

    public static Outcome Warn(string saw, string expected, string fix) => new(Verdict.Warn, saw, expected, fix);

    public static Outcome Fail(string saw, string expected, string fix) => new(Verdict.Fail, saw, expected, fix);

    /// <param name="saw">Why there is nothing to look at: "no certificate: the address is http".</param>
    /// <param name="expected">When there would be.</param>
    public static Outcome Skipped(string saw, string expected) => new(Verdict.Skipped, saw, expected);
}
