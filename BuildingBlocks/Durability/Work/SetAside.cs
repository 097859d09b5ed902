using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Durability.Work;

/// <summary>
/// Rows that a loop works on many at a time, and those of them that the database refused for their data: left alone
/// for <see cref="Time"/>, so that they hold up none of the others. Used by one loop.
/// </summary>
public sealed class SetAside(TimeProvider time)
{
    private static readonly TimeSpan Time = TimeSpan.FromMinutes(1);

    private readonly Dictionary<Guid, long> _since = []; // timestamps

    /// <summary>What to leave alone now.</summary>
    public Guid[] Ids
    {
        get
        {
            foreach (var (id, _) in _since.Where(pair => time.GetElapsedTime(pair.Value) >= Time).ToList())
                _since.Remove(id);
            return [.. _since.Keys];
        }
    }

    /// <summary>
    /// Runs <paramref name="many"/>. Where it is refused for the data of one row, runs <paramref name="one"/> for each
    /// of <paramref name="candidates"/>, and sets aside the rows that are refused.
    /// </summary>
    /// <param name="refused">Is told of each, with the reason.</param>
    public async Task<List<T>> RunAsync<T>(
        Func<Task<List<T>>> many, Func<Task<List<Guid>>> candidates, Func<Guid, Task<List<T>>> one,
        Func<Guid, Exception, Task> refused)
    {
        try
        {
            return await many();
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
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
            catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
            {
                _since[id] = time.GetTimestamp();
                await refused(id, e);
            }
        }
        return results;
    }
}
