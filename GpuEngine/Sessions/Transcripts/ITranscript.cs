using Lyceum.Contracts;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>Where a session records what is said before it shows it (rule 1).</summary>
internal interface ITranscript
{
    /// <summary>Never waits, so that it can be called under a lock: one session's records keep their order.</summary>
    /// <param name="record">Its <c>Seq</c> is set where it is recorded.</param>
    /// <param name="recorded">
    /// Called once, in the order of the calls, with whether the record is durable. Must be quick.
    /// </param>
    void Append(string session, string tenant, string owner, SessionTurnRecord record, Action<bool> recorded);

    /// <summary>Whether all that was recorded of it is where another engine's session finds it.</summary>
    bool IsStored(string session);

    /// <summary>The session appends no more.</summary>
    void Closed(string session);
}
