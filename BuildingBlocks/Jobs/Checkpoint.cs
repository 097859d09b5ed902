namespace Lyceum.Jobs;

/// <summary>The steps of a stage that are recorded, by their names in the database; see <see cref="JobContext.RecordAsync"/>.</summary>
public static class Checkpoint
{
    /// <summary>What was found before the question was asked.</summary>
    public static string Passages(string key) => Step(key, 0);

    /// <summary>A line break, as no part of another kind has one in its name.</summary>
    /// <param name="number">1, 2, 3, … within the question.</param>
    public static string Step(string key, int number) => $"{key}\n{number}";
}
