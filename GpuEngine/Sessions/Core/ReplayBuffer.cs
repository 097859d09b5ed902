namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// The latest events of a session, numbered 1, 2, 3, … without a gap, bounded in number and bytes: the oldest make room.
/// A socket reads it by number, so that it needs no queue of its own. The session's lock guards it.
/// </summary>
internal sealed class ReplayBuffer(int maxEvents, int maxBytes)
{
    private SessionEvent[] _ring = []; // of a power of two; event n is at n modulo its length
    private int _count;
    private int _bytes;

    /// <summary>The number of the last event; 0 before the first.</summary>
    public long Last { get; private set; }

    /// <summary>The number of the oldest event kept; <see cref="Last"/> + 1 where none is.</summary>
    public long First => Last - _count + 1;

    public long Add(SessionEvent happened)
    {
        if (_count == _ring.Length)
        {
            Grow();
        }
        _ring[Index(++Last)] = happened;
        _count++;
        _bytes += happened.Size;
        while (_count > 1 && (_count > maxEvents || _bytes > maxBytes))
        {
            DropThrough(First);
        }
        return Last;
    }

    /// <summary>Event number <paramref name="seq"/>; null where it is not kept, or not there yet.</summary>
    public SessionEvent? Find(long seq) => seq >= First && seq <= Last ? _ring[Index(seq)] : null;

    /// <summary>Forgets events up to and with this number; the memory too where none is left.</summary>
    public void DropThrough(long seq)
    {
        while (_count > 0 && First <= seq)
        {
            ref var oldest = ref _ring[Index(First)];
            _bytes -= oldest.Size;
            oldest = null!;
            _count--;
        }
        if (_count == 0)
        {
            _ring = [];
        }
    }

    private void Grow()
    {
        var larger = new SessionEvent[Math.Max(8, _ring.Length * 2)];
        for (var seq = First; seq <= Last; seq++)
        {
            larger[(int)(seq & (larger.Length - 1))] = _ring[Index(seq)];
        }
        _ring = larger;
    }

    private int Index(long seq) => (int)(seq & (_ring.Length - 1));
}
