using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Tests.Durability.Tests;

/// <summary>One loop reads for all readers of a thing.</summary>
public sealed class SharedReadsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly Log _log = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Readers_OfAnyPace_GetEveryPartOnce_InOrder(int seed)
    {
        var reads = Reads(TimeSpan.FromMilliseconds(20));
        var readers = Enumerable.Range(0, 40).Select(i => Task.Run(() => FollowAsync(reads, i % 7, new Random(seed * 100 + i)), Cancel)).ToList();
        for (var i = 0; i < 2000; i++)
        {
            _log.Add();
            if (i % 50 == 0)
                await Task.Delay(1, Cancel);
        }
        _log.End();

        foreach (var (after, seen) in await Task.WhenAll(readers))
            seen.ShouldBe(Enumerable.Range(after + 1, 2000 - after));
    }

    [Fact]
    public async Task Poll_IsOne_HoweverManyRead_AndEndsWithTheLast()
    {
        var reads = Reads(TimeSpan.FromMilliseconds(50));
        var readers = Enumerable.Range(0, 100).Select(_ => reads.Follow("thing", 0, new ReaderSignal())).ToList();
        await Task.Delay(500, Cancel);
        _log.Reads.ShouldBeInRange(2, 12);

        readers.ForEach(reader => reader.Dispose());
        await Task.Delay(100, Cancel);
        var reached = _log.Reads;
        await Task.Delay(200, Cancel);
        _log.Reads.ShouldBe(reached);
        _log.Watches.ShouldBe(0);
    }

    [Fact]
    public async Task Failure_IsThrownToThoseWhoRead_AndTheNextBeginAnew()
    {
        var reads = Reads(TimeSpan.FromMilliseconds(10));
        var signal = new ReaderSignal();
        using (var reader = reads.Follow("thing", 0, signal))
        {
            _log.Failure = new IOException("away");
            await signal.WaitAsync(Cancel);
            Should.Throw<IOException>(() => reader.Next(0, out _));
        }
        _log.Failure = null;
        _log.Add();
        using var next = reads.Follow("thing", 0, signal);
        await signal.WaitAsync(Cancel);
        next.Next(0, out var part).ShouldBe(Next.Part);
        part.Value.ShouldBe(1);
    }

    private async Task<(int After, List<int> Seen)> FollowAsync(SharedReads<string, int, string> reads, int after, Random random)
    {
        var (seen, position, signal) = (new List<int>(), after, new ReaderSignal());
        using var reader = reads.Follow("thing", position, signal);
        while (true)
        {
            switch (reader.Next(position, out var part))
            {
                case Next.Part:
                    seen.Add(part.Value);
                    position = (int)part.To;
                    if (random.Next(100) == 0)
                        await Task.Delay(random.Next(5), Cancel);
                    break;
                case Next.Behind:
                    var page = _log.After(position);
                    seen.AddRange(page.Select(one => one.Value));
                    position = page.Count > 0 ? (int)page[^1].To : position;
                    break;
                case Next.End:
                    return (after, seen);
                default:
                    await signal.WaitAsync(Cancel);
                    break;
            }
        }
    }

    private SharedReads<string, int, string> Reads(TimeSpan poll) => new(
        (_, after, _) => _log.ReadAsync(after), (_, signal) => _log.Watch(signal), poll);

    /// <summary>What would be a table: numbers from 1 on, and an end.</summary>
    private sealed class Log
    {
        private readonly Watchers _watchers = new();
        private volatile int _length;
        private volatile bool _ended;
        private int _reads;
        private int _watches;

        public int Reads => Volatile.Read(ref _reads);

        public int Watches => Volatile.Read(ref _watches);

        public Exception? Failure { get; set; }

        public void Add()
        {
            _length++;
            _watchers.Wake(Guid.Empty);
        }

        public void End()
        {
            _ended = true;
            _watchers.Wake(Guid.Empty);
        }

        public List<Part<int>> After(long position) => [.. Enumerable.Range((int)position + 1, Math.Clamp(_length - (int)position, 0, 10))
            .Select(number => new Part<int>(number - 1, number, number))];

        public Task<Page<int, string>> ReadAsync(long after)
        {
            Interlocked.Increment(ref _reads);
            if (Failure is { } failure)
                throw failure;
            var ended = _ended;
            var parts = After(after);
            return Task.FromResult(new Page<int, string>(
                parts, parts.Count == 10, ended && after + parts.Count == _length ? "end" : null));
        }

        public IWatch Watch(ReaderSignal signal)
        {
            Interlocked.Increment(ref _watches);
            return new Watched(this, _watchers.Follow(Guid.Empty, signal));
        }

        private sealed class Watched(Log log, IDisposable inner) : IWatch
        {
            public void Dispose()
            {
                inner.Dispose();
                Interlocked.Decrement(ref log._watches);
            }
        }
    }
}
