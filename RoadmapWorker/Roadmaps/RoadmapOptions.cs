namespace Lyceum.RoadmapWorker.Roadmaps;

/// <summary>Bounds of roadmaps, section <c>Roadmaps</c>.</summary>
public sealed class RoadmapOptions
{
    /// <summary>From a task's first start to its end; reached: it fails with <c>timeout</c>.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Concepts of one roadmap that are written at once: so many questions to the model wait for their answers.</summary>
    public int ConceptsAtOnce { get; set; } = 4;
}
