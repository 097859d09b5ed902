using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Sessions.Settings;

/// <summary>Limits of live sessions; configuration section <c>Engine:Sessions</c>.</summary>
internal sealed class LiveSessionOptions
{
    public const string Section = "Engine:Sessions";

    /// <summary>Sessions at once (also <c>MAX_SESSIONS</c>). One more is rejected with 429 and Retry-After.</summary>
    [Range(1, 1_000_000)]
    public int Max { get; set; } = 100;

    /// <summary>
    /// Sockets at once; 0: twice <see cref="Max"/>, as a page reload opens the new one before the old is closed. One
    /// more is rejected at the upgrade with 429 and Retry-After.
    /// </summary>
    [Range(0, 2_000_000)]
    public int MaxSockets { get; set; }

    /// <summary>
    /// A session's whole life (also <c>SESSION_TIMEOUT_SECONDS</c>). Reached: <c>bye</c>, and it ends.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(3600);

    /// <summary>How long nothing may be said. Reached: <c>bye</c>, and it ends.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long before either timeout the client is warned; half of a timeout that is shorter than twice this.</summary>
    public TimeSpan WarnBefore { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A data message is sent over a socket of <c>lyceum.v1</c> on which none passed for so long, in one direction or the
    /// other: some load balancers count no ping, and cut what they take for silent, often after 60 s. 0: none. A client sets
    /// it for its own socket (<c>&amp;heartbeat=</c>).
    /// </summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How long an open session goes on with the moderation policy that it read.</summary>
    public TimeSpan PolicyFresh { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Reading it. Reached: the turn goes on with the one before.</summary>
    public TimeSpan PolicyTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a connect token may be redeemed.</summary>
    public TimeSpan ConnectTokenLifetime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes of one message from a client. A larger one closes the socket with 1009.</summary>
    [Range(256, 16 * 1024 * 1024)]
    public int MaxMessageBytes { get; set; } = 64 * 1024;

    /// <summary>
    /// Messages a second from one socket, on average; one more is rejected with an <c>error</c> event.
    /// </summary>
    [Range(0.1, 10_000)]
    public double MessagesPerSecond { get; set; } = 10;

    /// <summary>Messages a socket may send at once after a pause.</summary>
    [Range(1, 10_000)]
    public int MessageBurst { get; set; } = 20;

    /// <summary>
    /// Messages that wait for their turn, in the protocol that does not interrupt; one more is rejected.
    /// </summary>
    [Range(1, 100)]
    public int MaxWaiting { get; set; } = 8;

    /// <summary>Tokens (estimated) of history that a turn shows the model; older messages are dropped.</summary>
    [Range(64, 10_000_000)]
    public int MaxHistoryTokens { get; set; } = 6_000;

    /// <summary>UTF-8 bytes of one answer; a longer one is cut with the finish reason <c>length</c>.</summary>
    [Range(1024, 16 * 1024 * 1024)]
    public int MaxAnswerBytes { get; set; } = 256 * 1024;

    /// <summary>
    /// Events kept for a resume. The oldest are dropped first; a client that resumes before them gets an error event.
    /// </summary>
    [Range(16, 1_000_000)]
    public int ReplayEvents { get; set; } = 4_096;

    /// <summary>
    /// Bytes (estimated) of the events kept for a resume; likewise. Beside them there is room for the whole text of one
    /// answer, or the event behind it would drop it before it was sent.
    /// </summary>
    [Range(1024, 256 * 1024 * 1024)]
    public int ReplayBytes { get; set; } = 512 * 1024;

    /// <summary>
    /// Bytes of audio kept for a resume, beside the events. The oldest is dropped first: its event stays, marked as
    /// omitted. More than <see cref="SessionAudioOptions.Ahead"/> takes, or a client that reads in time would miss
    /// some.
    /// </summary>
    [Range(64 * 1024, 256 * 1024 * 1024)]
    public int ReplayAudioBytes { get; set; } = 768 * 1024;

    /// <summary>After so long without a new event those kept are dropped, so that idle sessions are small.</summary>
    public TimeSpan ReplayFor { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a search for passages may take; then the turn goes on without them.</summary>
    public TimeSpan RetrievalTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Passages asked for each turn.</summary>
    [Range(1, 50)]
    public int RetrievalPassages { get; set; } = 6;

    /// <summary>Speech, in and out.</summary>
    public SessionAudioOptions Audio { get; set; } = new();

    internal const int MaxHeartbeat = 300; // seconds

    internal bool HasValidHeartbeat =>
        Heartbeat == TimeSpan.Zero || (Heartbeat >= TimeSpan.FromSeconds(1) && Heartbeat <= TimeSpan.FromSeconds(MaxHeartbeat));

    internal int ReplayLimit => ReplayBytes + 64 * 1024 + 2 * MaxAnswerBytes;

    internal int SocketLimit => MaxSockets > 0 ? MaxSockets : 2 * Max;

    internal TimeSpan WarningFor(TimeSpan timeout) => WarnBefore * 2 <= timeout ? WarnBefore : timeout / 2;
}
