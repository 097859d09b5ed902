using System.Text.Json.Serialization;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>
/// One server-sent event of a collaboration, as docs/openapi.json describes it; the last has a terminal status.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Status), "status")]
[JsonDerivedType(typeof(Turn), "turn")]
[JsonDerivedType(typeof(Ping), "ping")]
internal abstract record CollabStreamEvent
{
    /// <param name="Id">The cursor to resume from.</param>
    internal sealed record Status(string Id, CollabEvent Data) : CollabStreamEvent;

    /// <summary>A role has said something.</summary>
    /// <param name="Id">The cursor to resume from.</param>
    internal sealed record Turn(string Id, CollabEvent Data) : CollabStreamEvent;

    /// <summary>First of all, and every 15 s where nothing else came.</summary>
    internal sealed record Ping(Nothing Data) : CollabStreamEvent;

    internal sealed record Nothing;
}
