namespace Lyceum.Contracts;

/// <summary>
/// Command, for any worker: there is a roadmap to make. A hint (rule 2): it only makes a worker look at the queue now instead of
/// at its next poll, and names no work that is not in the database.
/// </summary>
/// <param name="TaskId">The task, UUIDv7; committed before this is sent.</param>
public sealed record GenerateRoadmap(Guid TaskId);

/// <summary>
/// Event: a roadmap's task has moved. Sent after the commit. A hint (rule 2): it may be lost, doubled or late; who follows a task
/// reads its events, in order and complete, from the worker.
/// </summary>
/// <param name="TaskId">The task, UUIDv7.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Subject">The caller it belongs to.</param>
/// <param name="Status"><c>queued | running | completed | failed | cancelled</c>.</param>
/// <param name="Stage">The stage it is at; <c>done</c> when it is completed.</param>
/// <param name="Progress">0-100.</param>
/// <param name="Seq">Of the event that says so: 1, 2, 3, … within the task.</param>
public sealed record RoadmapStatusChanged(
    Guid TaskId, string Tenant, string Subject, string Status, string Stage, int Progress, int Seq);
