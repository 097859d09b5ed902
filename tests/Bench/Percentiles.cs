namespace Lyceum.Tests.Bench;

internal static class Percentiles
{
    /// <summary>The value below which <paramref name="percent"/> of the ascending values lie; NaN of none.</summary>
    public static double Percentile(this double[] ascending, int percent) =>
        ascending.Length == 0 ? double.NaN : ascending[Math.Min(ascending.Length - 1, ascending.Length * percent / 100)];

    public static double Median(this IEnumerable<double> values) => values.Order().ToArray().Percentile(50);
}
