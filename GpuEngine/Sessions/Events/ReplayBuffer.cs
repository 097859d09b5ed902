namespace Lyceum.GpuEngine.Sessions.Events;

/// <summary>
/// The latest events of a session, numbered 1, 2, 3, … without a gap, bounded in number and bytes: the oldest are
/// dropped. Audio has a bound of its own, so that it never evicts text: the oldest audio is dropped, its event stays,
/// marked as omitted. A socket reads it by number, so that it needs no queue of its own. Guarded by
/// <see cref="EventStream"/>.
/// </summary>
internal sealed class ReplayBuffer(int maxEvents, int maxBytes, int maxAudioBytes)
{
    private SessionEvent[] _ring = []; // of a power of two; event n is at n modulo its length
    private int _count;
    private int _bytes;
    private int _audioBytes;
    private long _audioFrom; // no event before this one has audio

    /// <summary>The number of the last event; 0 before the first.</summary>
    public long Last { get; private set; }

    /// <summary>The number of the oldest event kept; <see cref="Last"/> + 1 where none is.</summary>
    public long First => Last - _count + 1;

    public long Add(SessionEvent happened)
    {
        if (_count == _ring.Length)
            Grow();
        _ring[Index(++Last)] = happened;
        _count++;
        _bytes += happened.Size;
        _audioBytes += AudioOf(happened);
        while (_count > 1 && (_count > maxEvents || _bytes > maxBytes))
            DropThrough(First);
        while (_audioBytes > maxAudioBytes && _audioFrom < Last)
            OmitAudio(Math.Max(_audioFrom, First));
        return Last;
    }

    /// <summary>Event number <paramref name="seq"/>; null where it is not kept, or not there yet.</summary>
    public SessionEvent? Find(long seq) => seq >= First && seq <= Last ? _ring[Index(seq)] : null;

    /// <summary>Drops events up to and with this number, and the memory where none is left.</summary>
    public void DropThrough(long seq)
    {
        while (_count > 0 && First <= seq)
        {
            ref var oldest = ref _ring[Index(First)];
            _bytes -= oldest.Size;
            _audioBytes -= AudioOf(oldest);
            oldest = null!;
            _count--;
        }
        if (_count == 0)
            _ring = [];
    }

    /// <summary>Drops the audio of events up to and with this number; the events stay.</summary>
    public void OmitAudio(long through)
    {
        for (var seq = Math.Max(_audioFrom, First); seq <= through; seq++)
        {
            if (_ring[Index(seq)] is AudioFrame { IsOmitted: false } frame)
            {
                _audioBytes -= AudioOf(frame);
                _ring[Index(seq)] = frame.Omit();
            }
        }
        _audioFrom = Math.Max(_audioFrom, through + 1);
    }

    private static int AudioOf(SessionEvent happened) => happened is AudioFrame frame ? frame.Pcm.Length : 0;

    private void Grow()
    {
        var larger = new SessionEvent[Math.Max(8, _ring.Length * 2)];
        for (var seq = First; seq <= Last; seq++)
            larger[(int)(seq & (larger.Length - 1))] = _ring[Index(seq)];
        _ring = larger;
    }

    private int Index(long seq) => (int)(seq & (_ring.Length - 1));
}
