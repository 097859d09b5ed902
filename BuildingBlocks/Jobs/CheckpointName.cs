namespace Lyceum.Jobs;

/// <summary>Names of the checkpoints that record a dialogue with a model; see <see cref="JobContext.RecordAsync"/>.</summary>
public static class CheckpointName
{
    /// <summary>What was found before the question was asked.</summary>
    public static string Passages(string key) => Step(key, 0);

    /// <summary>With a line break, which no other checkpoint has in its name.</summary>
    /// <param name="number">1, 2, 3, … within the question.</param>
    public static string Step(string key, int number) => $"{key}\n{number}";
}
