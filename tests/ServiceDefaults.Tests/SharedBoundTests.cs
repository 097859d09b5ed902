using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>The rule that every bound of every service is divided by.</summary>
public sealed class SharedBoundTests
{
    private static readonly ShareOptions Shares = new();
    private static readonly Sharer Greedy = new("greedy", "gil");
    private static readonly Sharer Classmate = new("greedy", "cleo");
    private static readonly Sharer Other = new("acme", "ada");

    [Theory]
    [InlineData(1, CallerKind.User, 1)] // one place cannot be divided
    [InlineData(2, CallerKind.User, 1)]
    [InlineData(10, CallerKind.User, 5)]
    [InlineData(100, CallerKind.User, 50)]
    [InlineData(2000, CallerKind.User, 1000)]
    [InlineData(2, CallerKind.Token, 1)]
    [InlineData(4, CallerKind.Token, 3)]
    [InlineData(100, CallerKind.Token, 75)]
    [InlineData(512, CallerKind.Token, 384)]
    [InlineData(100, CallerKind.Service, 75)] // for somebody: its own share was applied at that service's door
    public void Bound_OneCallerAlone_GetsItsShare_AndTheRestIsFreeForOthers(int capacity, CallerKind kind, int gets)
    {
        var bound = new SharedBound(capacity, Shares);
        Fill(bound, Greedy with { Kind = kind }).Count.ShouldBe(gets);

        (bound.TryTake(Other) is not null).ShouldBe(capacity > 1);
        (bound.TryTake(Classmate) is not null).ShouldBe(capacity > 4);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(100)]
    [InlineData(512)]
    public void Bound_OneTenantsPeopleTogether_LeaveRoomForOtherTenants(int capacity)
    {
        var bound = new SharedBound(capacity, Shares);
        for (var person = 0; person < capacity; person++)
            Fill(bound, new Sharer("greedy", $"p{person}"));

        bound.Used.ShouldBe(capacity * 7 / 8);
        // Each further tenant finds room, however greedy those before it were.
        for (var tenant = 0; bound.Used < capacity; tenant++)
            bound.TryTake(new Sharer($"t{tenant}", "ada")).ShouldNotBeNull();
    }

    [Fact]
    public void Bound_WithAShareOfOne_IsTakenWhole()
    {
        var bound = new SharedBound(7, Shares);
        Fill(bound, Greedy with { Share = 1 }).Count.ShouldBe(7);
        bound.TryTake(Other).ShouldBeNull();
        Fill(new(7, Shares), Sharer.Of(new Caller("t", "gateway", CallerKind.Service, Scopes.All))).Count.ShouldBe(7);
    }

    [Fact]
    public void Bound_WhenOthersLeave_IsFreeForWhoStays()
    {
        var bound = new SharedBound(100, Shares);
        var others = Fill(bound, Other);
        Fill(bound, Greedy).Count.ShouldBe(25); // half of what the other one left
        others.ForEach(held => held.Dispose());
        Fill(bound, Greedy).Count.ShouldBe(25);
        bound.HeldBy("greedy", "gil").ShouldBe(50);
    }

    [Fact]
    public void Bound_OfBytes_GrowsByWhatArrives_AndGivesItBack()
    {
        var bound = new SharedBound(1000, Shares);
        using (var greedy = bound.Take(Greedy, 0))
        {
            greedy.TryGrow(400).ShouldBeTrue();
            greedy.TryGrow(101).ShouldBeFalse();
            greedy.TryGrow(100).ShouldBeTrue();
            bound.Used.ShouldBe(500);
            using var other = bound.Take(Other, 0);
            other.TryGrow(250).ShouldBeTrue();
            bound.TryTake(new("third", "tim"), 251).ShouldBeNull(); // more than there is
        }
        bound.Used.ShouldBe(0);
    }

    /// <summary>10,000 steps of 12 callers of 4 tenants, with a seed.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Bound_WhateverIsTakenAndFreed_IsNeverExceeded_AndEndsEmpty(int seed)
    {
        var random = new Random(seed);
        var bound = new SharedBound(64, Shares);
        var held = new List<(Sharer Who, SharedBound.Held Held)>();
        for (var step = 0; step < 10_000; step++)
        {
            var who = new Sharer($"t{random.Next(4)}", $"p{random.Next(3)}");
            if (random.Next(3) > 0)
            {
                var before = bound.Used;
                if (bound.TryTake(who) is { } taken)
                    held.Add((who, taken));
                else if (before < 64)
                    bound.HeldBy(who.Tenant, who.Person).ShouldBeGreaterThanOrEqualTo(0);
                if (before < 64)
                    held.Exists(one => one.Who.Tenant == who.Tenant).ShouldBeTrue("a tenant without any is let in");
            }
            else if (held.Count > 0)
            {
                var index = random.Next(held.Count);
                held[index].Held.Dispose();
                held[index].Held.Dispose(); // once
                held.RemoveAt(index);
            }
            bound.Used.ShouldBe(held.Count);
            bound.Used.ShouldBeLessThanOrEqualTo(64);
        }
        held.ForEach(one => one.Held.Dispose());
        bound.Used.ShouldBe(0);
        Fill(bound, Greedy).Count.ShouldBe(32);
    }

    [Fact]
    public async Task Waiters_OfOnePersonByTheHundred_DoNotDelayAnother()
    {
        var cancel = TestContext.Current.CancellationToken;
        var bound = new SharedBound(1, Shares);
        var first = await bound.TakeAsync(Greedy, cancel);
        var greedy = Enumerable.Range(0, 100).Select(_ => bound.TakeAsync(Greedy, cancel).AsTask()).ToList();
        var other = bound.TakeAsync(Other, cancel).AsTask();
        var second = bound.TakeAsync(Other, cancel).AsTask();

        first.Dispose();
        var served = await greedy[0]; // came first
        other.IsCompleted.ShouldBeFalse();
        served.Dispose();
        (await other).Dispose(); // then one of the other
        served = await greedy[1];
        second.IsCompleted.ShouldBeFalse();
        served.Dispose();
        (await second).Dispose();
        for (var i = 2; i < greedy.Count; i++)
            (await greedy[i]).Dispose();
        bound.Used.ShouldBe(0);
    }

    [Fact]
    public async Task Waiters_WhoLeave_CostNoPlace()
    {
        var bound = new SharedBound(2, Shares);
        var places = new List<SharedBound.Held>
        {
            await bound.TakeAsync(Greedy, default), await bound.TakeAsync(Other, default),
        };
        using var leaving = new CancellationTokenSource();
        var left = Enumerable.Range(0, 10).Select(_ => bound.TakeAsync(Greedy, leaving.Token).AsTask()).ToList();
        var stays = bound.TakeAsync(Greedy, TestContext.Current.CancellationToken).AsTask();
        await leaving.CancelAsync();
        foreach (var waiter in left)
            await Should.ThrowAsync<OperationCanceledException>(waiter);
        places.ForEach(place => place.Dispose());
        (await stays).Dispose();
        bound.Used.ShouldBe(0);
        await Should.ThrowAsync<OperationCanceledException>(async () => await bound.TakeAsync(Greedy, leaving.Token));
    }

    [Fact]
    public async Task Waiters_OnManyThreads_AreAllServed_AndNeverTooManyAtOnce()
    {
        var cancel = TestContext.Current.CancellationToken;
        var bound = new SharedBound(4, Shares);
        var (inside, most) = (0, 0);
        await Parallel.ForEachAsync(Enumerable.Range(0, 2000), new ParallelOptions
        {
            MaxDegreeOfParallelism = 50, CancellationToken = cancel,
        }, async (i, stop) =>
        {
            using var held = await bound.TakeAsync(new Sharer($"t{i % 3}", $"p{i % 7}"), stop);
            var now = Interlocked.Increment(ref inside);
            InterlockedMax(ref most, now);
            await Task.Yield();
            Interlocked.Decrement(ref inside);
        });
        most.ShouldBeInRange(1, 4);
        bound.Used.ShouldBe(0);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen;)
            seen = Interlocked.CompareExchange(ref most, value, seen);
    }

    private static List<SharedBound.Held> Fill(SharedBound bound, Sharer who)
    {
        var held = new List<SharedBound.Held>();
        while (bound.TryTake(who) is { } one)
            held.Add(one);
        return held;
    }
}
