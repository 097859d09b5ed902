using System.Diagnostics;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>Statements that this process sends to one database, while it lives.</summary>
public sealed class StatementCount : IDisposable
{
    private readonly ActivityListener _listener;
    private int _count;

    /// <param name="database">Its name; every test has its own.</param>
    public StatementCount(string database)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = statement =>
            {
                if (statement.TagObjects.Any(tag => tag.Value as string == database))
                    Interlocked.Increment(ref _count);
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public int Count => Volatile.Read(ref _count);

    public void Dispose() => _listener.Dispose();
}
