using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Durability.Work;

/// <summary>
/// Rows that a loop works on many at a time, and those of them that the database refuses: left alone for a while, so
/// that they hold up none of the others. Used by one loop.
/// </summary>
/// <param name="name">By which <paramref name="progress"/> shows rows that are refused for an unknown reason.</param>
public sealed class SetAside(LoopProgress progress, string name, TimeProvider time)
{
    private static readonly TimeSpan ForItsData = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ForAnUnknownReason = TimeSpan.FromSeconds(5);

    private readonly LoopProgress.Loop _loop = progress.Follow(name);
    private readonly Dictionary<Guid, long> _until = []; // timestamps

    public bool IsEmpty => _until.Count == 0;

    /// <summary>What to leave alone now.</summary>
    public Guid[] Ids
    {
        get
        {
            var now = time.GetTimestamp();
            foreach (var (id, _) in _until.Where(pair => pair.Value <= now).ToList())
                _until.Remove(id);
            return [.. _until.Keys];
        }
    }

    /// <summary>
    /// Runs <paramref name="many"/>. Where that is refused for one row, runs <paramref name="one"/> for each of
    /// <paramref name="candidates"/>, and sets aside the rows that are refused. Each on a connection of its own: the
    /// driver ends one after some refusals.
    /// </summary>
    /// <param name="refused">Is told of each, with the reason.</param>
    public async Task<List<T>> RunAsync<T>(
        Func<Task<List<T>>> many, Func<Task<List<Guid>>> candidates, Func<Guid, Task<List<T>>> one,
        Func<Guid, Exception, Task> refused)
    {
        try
        {
            var all = await many();
            if (_until.Count == 0)
                _loop.Done();
            return all;
        }
        catch (Exception e) when (IsOfARow(e))
        {
            // One of them is the cause.
        }
        var results = new List<T>();
        foreach (var id in await candidates())
        {
            try
            {
                results.AddRange(await one(id));
            }
            catch (Exception e) when (IsOfARow(e))
            {
                var isData = DatabaseFailures.Of(e) is DatabaseFailure.Data;
                _until[id] = time.GetTimestamp()
                    + (long)((isData ? ForItsData : ForAnUnknownReason).TotalSeconds * time.TimestampFrequency);
                if (isData)
                    _loop.Rejected();
                else
                    _loop.Failed(e);
                await refused(id, e);
            }
        }
        return results;
    }

    private static bool IsOfARow(Exception e) => DatabaseFailures.Of(e) is DatabaseFailure.Data
        || (DatabaseFailures.Of(e) is DatabaseFailure.Unknown && DatabaseFailures.SqlState(e) is not null);
}
