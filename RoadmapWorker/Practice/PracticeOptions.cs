namespace Lyceum.RoadmapWorker.Practice;

/// <summary>Bounds of practice, section <c>Practice</c>.</summary>
public sealed class PracticeOptions
{
    /// <summary>From a task's first start to its end; reached: it fails with <c>timeout</c>.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Sets of one person; reached: 429 <c>limit_reached</c> until one is deleted.</summary>
    public int SetsPerPerson { get; set; } = 500;

    /// <summary>Attempts of one person in a day (UTC); reached: 429 <c>limit_reached</c> until the next.</summary>
    public int AttemptsPerDay { get; set; } = 2000;

    /// <summary>How often one item can be superseded; reached: 429 <c>limit_reached</c>.</summary>
    public int ItemsPerSet { get; set; } = 200;

    /// <summary>
    /// How long grading a short answer by the model takes at most. Reached: the learner is asked to grade it.
    /// </summary>
    public TimeSpan GradeWithin { get; set; } = TimeSpan.FromSeconds(20);
}
