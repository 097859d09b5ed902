namespace Lyceum.RoadmapWorker.Reviews;

/// <summary>How well something was recalled; the numbers are the algorithm's.</summary>
public enum Rating { Again = 1, Hard = 2, Good = 3, Easy = 4 }

/// <summary>What is known of a person's memory of one thing; all zero before its first review.</summary>
/// <param name="Stability">Days after which it is recalled with a probability of 90 %.</param>
/// <param name="Difficulty">1 to 10.</param>
/// <param name="LastReview">UTC; null before the first.</param>
/// <param name="Due">When it is to be reviewed; before the first review: since when it can be.</param>
/// <param name="ScheduledDays">From the last review to <paramref name="Due"/>.</param>
/// <param name="Reps">Reviews.</param>
/// <param name="Lapses">Reviews after the first at which it was forgotten.</param>
public sealed record MemoryState(
    double Stability, double Difficulty, DateTimeOffset? LastReview, DateTimeOffset Due, int ScheduledDays, int Reps, int Lapses)
{
    public static MemoryState New(DateTimeOffset since) => new(0, 0, null, since, 0, 0, 0);
}

/// <summary>
/// FSRS-6 with the default weights of its reference implementation, a recall of 90 % and whole days: what is called
/// <c>enable_short_term: false</c> there, without fuzz, so that nothing is asked for twice within a day. A test compares it with
/// ts-fsrs 5.4.2. Elapsed days are counted between dates in UTC, as there. docs/adr/0041 has the reasons.
/// </summary>
public static class Fsrs
{
    private const double Retention = 0.9;
    private const double MinStability = 0.001;
    private const double MaxStability = 36500;
    private const int MaxInterval = 36500; // days

    private static readonly double[] W =
    [
        0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796, 1.4835, 0.0614, 0.2629, 1.6483, 0.6014,
        1.8729, 0.5425, 0.0912, 0.0658, 0.1542,
    ];

    /// <summary>The probability of recall after t days is <c>(1 + Factor t / stability)^Decay</c>.</summary>
    public static readonly double Decay = -W[20];

    public static readonly double Factor = Round8(Math.Exp(1 / Decay * Math.Log(0.9)) - 1);
    private static readonly double IntervalModifier = Round8((Math.Pow(Retention, 1 / Decay) - 1) / Factor);

    /// <summary>The memory after a review.</summary>
    public static MemoryState Review(MemoryState before, Rating rating, DateTimeOffset now)
    {
        var elapsed = before.LastReview is { } last ? Math.Max(0, Days(last, now)) : 0;
        var after = Next(before, elapsed, rating);
        var days = Interval(before, elapsed, rating);
        return new(
            after.Stability, after.Difficulty, now, now.AddDays(days), days, before.Reps + 1,
            before.Lapses + (rating == Rating.Again && before.Reps > 0 ? 1 : 0));
    }

    /// <summary>The probability of recall; 0 of what was never reviewed.</summary>
    public static double Retrievability(MemoryState memory, DateTimeOffset now) => memory.LastReview is { } last
        ? Recall(Math.Max(0, Days(last, now)), memory.Stability)
        : 0;

    private static int Days(DateTimeOffset from, DateTimeOffset to) => (to.UtcDateTime.Date - from.UtcDateTime.Date).Days;

    /// <summary>A better answer never comes back sooner than a worse one would: intervals are at least a day apart.</summary>
    private static int Interval(MemoryState before, int elapsed, Rating rating)
    {
        Span<int> days = stackalloc int[5];
        for (var each = Rating.Again; each <= Rating.Easy; each++)
        {
            var rounded = RoundHalfUp(Next(before, elapsed, each).Stability * IntervalModifier);
            days[(int)each] = (int)Math.Min(Math.Max(1, rounded), MaxInterval);
        }
        days[1] = Math.Min(days[1], days[2]);
        days[2] = Math.Max(days[2], days[1] + 1);
        days[3] = Math.Max(days[3], days[2] + 1);
        days[4] = Math.Max(days[4], days[3] + 1);
        return days[(int)rating];
    }

    private static (double Stability, double Difficulty) Next(MemoryState before, int elapsed, Rating rating)
    {
        var grade = (int)rating;
        if (before.Reps == 0)
            return (Math.Max(W[grade - 1], 0.1), Math.Clamp(FirstDifficulty(grade), 1, 10));
        var (stability, difficulty) = (before.Stability, before.Difficulty);
        var recall = Recall(elapsed, stability);
        var next = rating == Rating.Again
            ? Math.Min(Math.Max(Round8(stability), MinStability), AfterForgetting(difficulty, stability, recall))
            : AfterRecall(difficulty, stability, recall, rating);
        return (next, NextDifficulty(difficulty, grade));
    }

    private static double Recall(int elapsed, double stability) => Round8(Math.Pow(1 + Factor * elapsed / stability, Decay));

    private static double FirstDifficulty(int grade) => Round8(W[4] - Math.Exp((grade - 1) * W[5]) + 1);

    private static double NextDifficulty(double difficulty, int grade)
    {
        var damped = difficulty + Round8(-W[6] * (grade - 3) * (10 - difficulty) / 9);
        return Math.Clamp(Round8(W[7] * FirstDifficulty((int)Rating.Easy) + (1 - W[7]) * damped), 1, 10);
    }

    private static double AfterRecall(double difficulty, double stability, double recall, Rating rating)
    {
        var hard = rating == Rating.Hard ? W[15] : 1;
        var easy = rating == Rating.Easy ? W[16] : 1;
        return Round8(Math.Clamp(
            stability * (1 + Math.Exp(W[8]) * (11 - difficulty) * Math.Pow(stability, -W[9]) * (Math.Exp((1 - recall) * W[10]) - 1)
                * hard * easy),
            MinStability, MaxStability));
    }

    private static double AfterForgetting(double difficulty, double stability, double recall) => Round8(Math.Clamp(
        W[11] * Math.Pow(difficulty, -W[12]) * (Math.Pow(stability + 1, W[13]) - 1) * Math.Exp((1 - recall) * W[14]),
        MinStability, MaxStability));

    /// <summary>The reference rounds each step, as JavaScript does: halves go up.</summary>
    private static double Round8(double number) => RoundHalfUp(number * 1e8) / 1e8;

    private static double RoundHalfUp(double number)
    {
        var below = Math.Floor(number);
        return number - below >= 0.5 ? below + 1 : below;
    }
}
