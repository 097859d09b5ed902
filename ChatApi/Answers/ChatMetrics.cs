using System.Diagnostics.Metrics;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.ChatApi.Answers;

/// <summary>What an operator watches, meter <c>Lyceum.ChatApi</c>. Times in seconds, sizes in bytes.</summary>
public sealed class ChatMetrics
{
    private static readonly double[] CommitSeconds = [.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 5];
    private readonly Histogram<double> _commit;
    private readonly Histogram<int> _rows;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _ended;
    private readonly UpDownCounter<long> _running;
    private readonly UpDownCounter<long> _readers;
    private readonly Histogram<double> _firstToken;
    private readonly Counter<long> _takeovers;
    private readonly Counter<long> _retried;
    private readonly Counter<long> _partialSaves;
    private readonly Counter<long> _readersCut;
    private readonly Counter<long> _grounded;
    private readonly Histogram<double> _lateness;

    // Observed, and so there from the start: an alert sees the first of them too.
    private long _unanswered;
    private long _lost;

    public ChatMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Lyceum.ChatApi");
        _commit = meter.CreateHistogram("lyceum.chat.journal.commit", "s", "Time of one journal commit",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = CommitSeconds });
        _rows = meter.CreateHistogram("lyceum.chat.journal.batch", "{row}", "Generations that shared one commit",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] });
        _bytes = meter.CreateCounter<long>("lyceum.chat.journal.written", "By", "Answer text made durable");
        _retries = meter.CreateCounter<long>("lyceum.chat.journal.retries", "{commit}", "Journal commits retried");
        _tokens = meter.CreateCounter<long>("lyceum.chat.deltas", "{delta}", "Deltas received from engines");
        _ended = meter.CreateCounter<long>("lyceum.chat.answers", "{answer}", "Answers ended, by status and reason");
        _running = meter.CreateUpDownCounter<long>("lyceum.chat.generations.running", "{generation}", "Running generations");
        _readers = meter.CreateUpDownCounter<long>("lyceum.chat.readers", "{reader}", "Open answer streams");
        _takeovers = meter.CreateCounter<long>("lyceum.chat.takeovers", "{answer}", "Answers taken over from a dead or draining replica");
        _retried = meter.CreateCounter<long>("lyceum.chat.asked_again", "{question}", "Questions retried at an engine, nothing having been shown, by the first engine's error");
        _partialSaves = meter.CreateCounter<long>("lyceum.chat.partial_saves", "{answer}", "Answers cut short whose text was kept, by reason");
        _readersCut = meter.CreateCounter<long>("lyceum.chat.readers_cut", "{reader}", "Readers that stalled and were cut");
        _grounded = meter.CreateCounter<long>("lyceum.chat.grounded", "{question}", "Questions that a knowledge base was searched for, by what came of it");
        _firstToken = meter.CreateHistogram("lyceum.chat.first_token", "s", "From the recorded question to the first delta",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60] });
        _lateness = meter.CreateHistogram("lyceum.chat.lateness", "s", "From a delta's arrival to its commit, when readers see it; of those of one commit, the first",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30] });
        meter.CreateObservableCounter("lyceum.chat.unanswered", () => Interlocked.Read(ref _unanswered), "{answer}",
            "Answers that ended without a word because something here failed");
        meter.CreateObservableCounter("lyceum.chat.lost", () => Interlocked.Read(ref _lost), "By",
            "Answer text that had been shown and was not in the stored answer");
    }

    public void JournalCommitted(int rows, int bytes, TimeSpan elapsed)
    {
        _commit.Record(elapsed.TotalSeconds);
        _rows.Record(rows);
        _bytes.Add(bytes);
    }

    public void JournalRetried() => _retries.Add(1);
    public void Delta() => _tokens.Add(1);
    public void Shown(TimeSpan late) => _lateness.Record(late.TotalSeconds);
    public void FirstToken(TimeSpan elapsed) => _firstToken.Record(elapsed.TotalSeconds);
    public void TakenOver() => _takeovers.Add(1);
    public void Started() => _running.Add(1);
    public void Finished() => _running.Add(-1);

    /// <param name="status">A <see cref="GroundingStatus"/>.</param>
    public void Grounded(string status) => _grounded.Add(1, new KeyValuePair<string, object?>("status", status));

    public void Retried(string code) => _retried.Add(1, new KeyValuePair<string, object?>("code", Label(code)));

    /// <summary>Words of a model server, which may be of any length.</summary>
    private static string Label(string word) => word.Length <= 64 ? word : word[..64];

    /// <param name="shown">UTF-8 bytes that readers may have seen.</param>
    /// <param name="stored">UTF-8 bytes of the stored answer.</param>
    public void Stored(int shown, int stored) => Interlocked.Add(ref _lost, Math.Max(0, shown - stored));

    /// <param name="length">UTF-8 bytes stored.</param>
    public void Ended(AnswerEnd end, int length)
    {
        if (length == 0 && IsFailure(end))
            Interlocked.Increment(ref _unanswered);
        var reason = new KeyValuePair<string, object?>("finish_reason", Label(end.FinishReason));
        _ended.Add(1, new KeyValuePair<string, object?>("status", end.Status), reason);
        if (end.Status != Data.AnswerStatus.Complete && length > 0)
            _partialSaves.Add(1, reason);
    }

    /// <summary>Not what the person, the school's rules or a spent budget ended.</summary>
    private static bool IsFailure(AnswerEnd end) => end switch
    {
        { Status: Data.AnswerStatus.TimedOut } => true,
        { Status: Data.AnswerStatus.Interrupted } => end.FinishReason != Data.FinishReasons.ClientGone,
        { Status: Data.AnswerStatus.Failed } => end.Error is { Code: not ErrorCodes.BudgetExhausted, Status: >= 500 or 429 },
        _ => false,
    };

    public void ReaderOpened() => _readers.Add(1);
    public void ReaderCut() => _readersCut.Add(1);
    public void ReaderClosed() => _readers.Add(-1);
}
