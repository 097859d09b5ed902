using System.Text.Json.Serialization;
using Lyceum.Jobs;

namespace Lyceum.RoadmapWorker.Roadmaps;

/// <summary>
/// One server-sent event of a roadmap's task, as docs/openapi.json describes it; the last has a terminal status.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Status), "status")]
[JsonDerivedType(typeof(Part), "part")]
[JsonDerivedType(typeof(Ping), "ping")]
internal abstract record RoadmapEvent
{
    /// <summary>The task moved.</summary>
    /// <param name="Id">The cursor to resume from.</param>
    internal sealed record Status(string Id, JobEvent Data) : RoadmapEvent;

    /// <summary>A part of the present stage is finished.</summary>
    /// <param name="Id">The cursor to resume from.</param>
    internal sealed record Part(string Id, JobEvent Data) : RoadmapEvent;

    /// <summary>First of all, and every 15 s where nothing else came.</summary>
    internal sealed record Ping(Nothing Data) : RoadmapEvent;

    internal sealed record Nothing;
}
