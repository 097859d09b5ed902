using System.Text;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>What a run amounts to, in one line.</summary>
public sealed class Figures
{
    private readonly SortedDictionary<string, int> _harms = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _answers = new(StringComparer.Ordinal);

    public int Rounds { get; private set; }
    public int Questions { get; private set; }
    public int Readers { get; private set; }
    public long Resumes { get; private set; }
    public long BytesAudited { get; private set; }
    public long BytesLost { get; private set; }
    public int Takeovers { get; private set; }
    public TimeSpan WorstPause { get; private set; }

    /// <summary>With a replica alive that could have taken over, and over all.</summary>
    public Ownerless WorstOwnerless { get; private set; } = Ownerless.None;

    public void Add(string harm) => _harms[harm] = _harms.GetValueOrDefault(harm) + 1;

    public void Add(Question question, Stored stored, long lost)
    {
        Questions++;
        Readers += question.Tabs.Count;
        Resumes += question.Tabs.Sum(tab => Math.Max(0, tab.Opened - 1));
        BytesAudited += question.Tabs.Sum(tab => (long)tab.Cursor);
        BytesLost += lost;
        Takeovers += stored.Epoch - 1;
        _answers[stored.Status] = _answers.GetValueOrDefault(stored.Status) + 1;
        foreach (var tab in question.Tabs)
            WorstPause = tab.WorstPause > WorstPause ? tab.WorstPause : WorstPause;
    }

    public void EndRound(Ownerless worst)
    {
        Rounds++;
        WorstOwnerless = worst;
    }

    public void Add(Figures other)
    {
        foreach (var (kind, count) in other._harms)
            _harms[kind] = _harms.GetValueOrDefault(kind) + count;
        foreach (var (status, count) in other._answers)
            _answers[status] = _answers.GetValueOrDefault(status) + count;
        Rounds += other.Rounds;
        Questions += other.Questions;
        Readers += other.Readers;
        Resumes += other.Resumes;
        BytesAudited += other.BytesAudited;
        BytesLost += other.BytesLost;
        Takeovers += other.Takeovers;
        WorstPause = other.WorstPause > WorstPause ? other.WorstPause : WorstPause;
        WorstOwnerless = Ownerless.Max(WorstOwnerless, other.WorstOwnerless);
    }

    public override string ToString() => new StringBuilder()
        .Append($"rounds={Rounds} harms={_harms.Values.Sum()} ({Join(_harms)}) streams={Questions} readers={Readers} resumes={Resumes}")
        .Append($" bytes_audited={BytesAudited} bytes_lost={BytesLost} takeovers={Takeovers} answers: {Join(_answers)}")
        .Append($" worst_pause_ms={WorstPause.TotalMilliseconds:f0} worst_ownerless_ms={WorstOwnerless.Attended.TotalMilliseconds:f0}")
        .Append($" (with no replica alive {WorstOwnerless.All.TotalMilliseconds:f0})")
        .ToString();

    private static string Join(IEnumerable<KeyValuePair<string, int>> counts) =>
        string.Join(", ", counts.Select(count => $"{count.Key} {count.Value}"));
}
