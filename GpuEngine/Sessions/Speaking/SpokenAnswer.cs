using System.Text;
using System.Threading.Channels;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Speech;
using Lyceum.ServiceDefaults.Http;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Sessions.Speaking;

/// <summary>
/// The speech of a turn: its text as it was published, divided into sentences for the speaker; which audio was
/// published for which of them; and how much of that was played, which is what counts as said. Guarded by the lock of
/// its turn, except what the speaker reads.
/// </summary>
internal sealed class SpokenAnswer : IDisposable
{
    private readonly SentenceDivider _divider = new();
    // As many as the answer has, which is bounded.
    private readonly Channel<Sentence> _sentences = Channel.CreateUnbounded<Sentence>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<Span> _spans = [];
    private readonly List<(long Seq, long Start, long End)> _frames = []; // audio in bytes of the turn
    private readonly ReaderSignal _changed = new();
    // Not disposed: it has no timer, and may be cancelled at any time.
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private readonly Playback _playback;
    private readonly long _ahead;
    private long _deliveredSeq;

    public SpokenAnswer(AudioOutput output, LiveSessionOptions options, TimeProvider time)
    {
        Output = output;
        _playback = new Playback(output.BytesPerSecond, time);
        _ahead = (long)(options.Audio.Ahead.TotalSeconds * output.BytesPerSecond);
        _timer = time.CreateTimer(static signal => ((ReaderSignal)signal!).Set(), _changed, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public AudioOutput Output { get; }

    /// <summary>
    /// What was played counts as said. False once speech failed or was stopped: then the text counts.
    /// </summary>
    public bool IsSpeaking { get; private set; } = true;

    /// <summary>Fires when no more of it is spoken.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>By the clock, the client is still playing.</summary>
    public bool IsPlaying => IsSpeaking && _playback.IsPlaying;

    /// <summary>Sentences to speak, until the text is over.</summary>
    public ChannelReader<Sentence> Sentences => _sentences.Reader;

    /// <summary>
    /// For the speaker only: returns when something may have changed, after <paramref name="most"/> at the latest.
    /// </summary>
    public ValueTask ChangedAsync(TimeSpan most)
    {
        _timer.Change(most, Timeout.InfiniteTimeSpan);
        return _changed.WaitAsync();
    }

    public void Signal() => _changed.Set();

    /// <summary>A piece of the text was published.</summary>
    public void Show(string text) => Enqueue(_divider.Add(text));

    /// <summary>All of it was.</summary>
    public void EndText()
    {
        Enqueue(_divider.Finish());
        _sentences.Writer.TryComplete();
    }

    /// <summary>No more of it is spoken.</summary>
    public void Stop()
    {
        IsSpeaking = false;
        _sentences.Writer.TryComplete();
        _ = _stop.CancelAsync(); // on another thread, as this one holds a lock; never fails
    }

    /// <summary>
    /// How long until so many bytes may be published, so that little is published and not yet played; zero: now.
    /// </summary>
    public TimeSpan UntilRoomFor(int bytes) => _playback.Until(Published + bytes - _ahead);

    /// <summary>How long until all that was published was played.</summary>
    public TimeSpan UntilPlayed => _playback.Until(Published);

    public void Publish(long seq, AudioFrame frame, Sentence sentence)
    {
        if (_spans.Count == 0 || _spans[^1].Sentence != sentence)
            _spans.Add(new Span(sentence, Published));
        _frames.Add((seq, Published, Published + frame.Length));
        _spans[^1].End = Published;
        _spans[^1].IsWhole = frame.IsLast;
    }

    /// <summary>An event was sent; after a resume perhaps once more.</summary>
    public void Deliver(long seq, AudioFrame frame)
    {
        if (seq > _deliveredSeq)
        {
            _deliveredSeq = seq;
            _playback.Deliver(frame.Length);
            Signal();
        }
    }

    public void Report(PlayPosition position)
    {
        var at = _frames.FindLastIndex(frame => frame.Seq <= position.Seq);
        if (at >= 0)
        {
            var (seq, start, end) = _frames[at];
            var played = position.Milliseconds is { } ms && seq == position.Seq
                ? Math.Clamp(ms * Output.BytesPerSecond / 1000, 0, end - start)
                : end - start;
            _playback.Report(start + (long)played);
        }
        else
        {
            _playback.Report(0);
        }
        Signal();
    }

    /// <summary>
    /// Characters of <paramref name="shown"/> that were played: whole sentences, and of one in the middle as many words as
    /// the part of its audio that was; none while that audio's length is not known.
    /// </summary>
    public int Kept(string shown)
    {
        var position = _playback.Position;
        var kept = 0;
        for (var i = 0; i < _spans.Count; i++)
        {
            var (span, sentence) = (_spans[i], _spans[i].Sentence);
            if (span.IsWhole && position >= span.End)
            {
                // With what stands before the next one and is not said: marks, numbers of sources.
                kept = i + 1 < _spans.Count ? _spans[i + 1].Sentence.Start : sentence.End;
                continue;
            }
            if (span.IsWhole && position > span.Start)
            {
                var part = sentence.Text.Length * (position - span.Start) / (span.End - span.Start);
                kept = WordEnd(shown, sentence.Start + (int)part, sentence.Start);
            }
            break;
        }
        return kept;
    }

    public void Dispose() => _timer.Dispose();

    private long Published => _frames.Count == 0 ? 0 : _frames[^1].End;

    private void Enqueue(IEnumerable<Sentence> sentences)
    {
        foreach (var sentence in sentences)
            _sentences.Writer.TryWrite(sentence);
    }

    /// <summary>The last place up to <paramref name="at"/> where no word is cut: after white space, or beside a Chinese character.</summary>
    private static int WordEnd(string text, int at, int least)
    {
        while (at > least && at < text.Length && !(char.IsWhiteSpace(text[at - 1]) || IsIdeograph(text[at - 1]) || IsIdeograph(text[at])))
            at--;
        return at;
    }

    private static bool IsIdeograph(char c) => !char.IsSurrogate(c) && Terms.IsIdeograph(new Rune(c));

    /// <summary>A sentence's audio, in bytes of the turn's.</summary>
    private sealed class Span(Sentence sentence, long start)
    {
        public Sentence Sentence => sentence;
        public long Start => start;
        public long End { get; set; }
        public bool IsWhole { get; set; }
    }
}
