using System.Globalization;

namespace Lyceum.Gateway.Limits;

/// <summary>Periods of the calendar, UTC.</summary>
internal enum BudgetPeriod { Hour, Day, Month, Total }

/// <summary>One period: <c>2026-11-22T09</c>, <c>2026-11-22</c>, <c>2026-11</c>, <c>total</c>.</summary>
/// <param name="Name">
/// Its key in the database: replicas whose clocks differ may be in different periods, and count each correctly.
/// </param>
/// <param name="End">Of a total, the end of time.</param>
internal sealed record BudgetSpan(string Name, DateTimeOffset Start, DateTimeOffset End)
{
    private static readonly BudgetSpan Total = new("total", DateTimeOffset.MinValue, DateTimeOffset.MaxValue);

    public static BudgetSpan Of(BudgetPeriod period, DateTimeOffset now)
    {
        now = now.ToUniversalTime();
        var day = new DateTimeOffset(now.Date, TimeSpan.Zero);
        return period switch
        {
            BudgetPeriod.Hour => Named("yyyy-MM-dd'T'HH", day.AddHours(now.Hour), start => start.AddHours(1)),
            BudgetPeriod.Day => Named("yyyy-MM-dd", day, start => start.AddDays(1)),
            BudgetPeriod.Month => Named("yyyy-MM", day.AddDays(1 - now.Day), start => start.AddMonths(1)),
            _ => Total,
        };
    }

    public bool Contains(DateTimeOffset time) => Start <= time && time < End;

    /// <summary>
    /// The wait that a caller is told. A total never renews itself; its callers are told to ask again in a day.
    /// </summary>
    public TimeSpan Remaining(DateTimeOffset now) => this == Total ? TimeSpan.FromDays(1) : End - now;

    private static BudgetSpan Named(string format, DateTimeOffset start, Func<DateTimeOffset, DateTimeOffset> end) =>
        new(start.ToString(format, CultureInfo.InvariantCulture), start, end(start));
}
