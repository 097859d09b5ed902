namespace Lyceum.RoadmapWorker.Mastery;

/// <summary>What a person's memory of the items of one concept (or of one set without concepts) adds up to.</summary>
/// <param name="TaskId">The roadmap; null of a set.</param>
/// <param name="SetId">Of a set without a concept.</param>
/// <param name="Tried">Items that were answered.</param>
/// <param name="Attempts">Answers that counted.</param>
/// <param name="Strength">Over the tried items, the sum of the last score times the probability of recall now.</param>
/// <param name="Due">Items to be reviewed now.</param>
/// <param name="New">Items that were never answered.</param>
internal sealed record Practised(
    string Subject, Guid? TaskId, string? ConceptId, Guid? SetId, int Tried, int Attempts, double Strength, DateTimeOffset? LastAt, int Due,
    int New)
{
    /// <summary>
    /// 0 to 1: how well the tried items are known now, times n / (n + 1) for n attempts that counted, as one right answer is little
    /// evidence. It is computed from attempts alone.
    /// </summary>
    public double Mastery => Tried == 0 ? 0 : Math.Round(Strength / Tried * Attempts / (Attempts + 1), 4);

    public string State => Tried == 0 ? ConceptState.NotStarted : Mastery >= ConceptState.Enough ? ConceptState.Mastered : ConceptState.Learning;

    /// <summary>Of what was never practised.</summary>
    public static Practised Nothing(string subject) => new(subject, null, null, null, 0, 0, 0, null, 0, 0);
}

internal static class ConceptState
{
    public const string NotStarted = "not_started";
    public const string Learning = "learning";
    public const string Mastered = "mastered";

    /// <summary>Mastery from which a concept is mastered: three right answers that are remembered.</summary>
    public const double Enough = 0.7;
}
