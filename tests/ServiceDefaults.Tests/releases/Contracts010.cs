// The messages as release 0.1.0 declared them, without their comments. Never changed.
using System.Text.Json.Serialization;

namespace Lyceum.Released.V010;

public sealed record ResponseFinished(Guid MessageId, Guid ConversationId, string Status, int Length);

public sealed record SavePartialResponse(
    Guid MessageId, Guid ConversationId, Guid Owner, int Epoch, string Status, string FinishReason, string? Usage, string? Error,
    string? Sources = null);

public sealed record ExecuteCollab(Guid TaskId);

public sealed record CollabStatusChanged(
    Guid TaskId, string Tenant, string Subject, string Status, string Stage, int Progress, int Seq);

public sealed record GenerateRoadmap(Guid TaskId);

public sealed record RoadmapStatusChanged(
    Guid TaskId, string Tenant, string Subject, string Status, string Stage, int Progress, int Seq);

public sealed record RecordSessionTurns(IReadOnlyList<SessionTurns> Sessions);

public sealed record SessionTurns(string SessionId, string Tenant, string Owner, IReadOnlyList<SessionTurnRecord> Records);

public sealed record SessionTurnRecord(
    long Seq, int Turn, string Kind, DateTimeOffset At, string Text = "", string? Status = null, string? FinishReason = null,
    int? Length = null, string? Citations = null, IReadOnlyList<string>? Then = null)
{
    [JsonIgnore]
    public long ThroughSeq => Seq + (Then?.Count ?? 0);
}

public sealed record SessionTurnsRecorded(IReadOnlyList<RecordedSession> Sessions);

public sealed record RecordedSession(string SessionId, long ThroughSeq);

public sealed record ToolVersionActivated(string Tenant, string Version);
