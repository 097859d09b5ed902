namespace Lyceum.Contracts;

/// <summary>
/// Command, for any worker: there is a practice set to make. A hint (rule 2), as <see cref="GenerateRoadmap"/>.
/// </summary>
/// <param name="TaskId">The task, UUIDv7; committed before this is sent.</param>
public sealed record MakePracticeSet(Guid TaskId);

/// <summary>Event: the task of a practice set has moved. A hint (rule 2), as <see cref="RoadmapStatusChanged"/>.</summary>
/// <param name="TaskId">The task, UUIDv7; also the set's id.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Subject">The caller it belongs to.</param>
/// <param name="Status"><c>queued | running | completed | failed | cancelled</c>.</param>
/// <param name="Stage">The stage it is at; <c>done</c> when it is completed.</param>
/// <param name="Progress">0-100.</param>
/// <param name="Seq">Of the event that says so: 1, 2, 3, … within the task.</param>
public sealed record PracticeSetStatusChanged(
    Guid TaskId, string Tenant, string Subject, string Status, string Stage, int Progress, int Seq);
