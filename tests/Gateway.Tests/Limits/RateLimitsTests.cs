using Lyceum.Gateway.Limits;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Lyceum.Tests.Gateway.Tests.Limits;

public sealed class RateLimitsTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);
    private readonly RateLimits _limits;

    public RateLimitsTests() => _limits = new RateLimits(_time);

    private (RateRule Rule, BucketLevel Level)? Take(string key, params RateRule[] rules) => _limits.Take(rules, key, []);

    [Fact]
    public void Bucket_GivesItsBurst_ThenItsRate_AndSaysHowLong()
    {
        var rule = new RateRule { Rate = 2, Burst = 3 };
        for (var i = 0; i < 3; i++)
            Take("a", rule).ShouldBeNull();

        Take("a", rule)!.Value.Level.Wait.ShouldBe(TimeSpan.FromSeconds(0.5));
        _time.Advance(TimeSpan.FromSeconds(0.4));
        Take("a", rule)!.Value.Level.Wait.TotalSeconds.ShouldBe(0.1, 1e-6);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Take("a", rule).ShouldBeNull();
        Take("a", rule).ShouldNotBeNull();
        Take("b", rule).ShouldBeNull(); // a bucket of its own
    }

    /// <summary>Whatever the times of the requests, in any window no more pass than the burst and what the window brings.</summary>
    [Fact]
    public void Bucket_OfAnySchedule_NeverGivesMoreThanBurstAndRate()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var rule = new RateRule { Rate = 0.1 + (random.NextDouble() * 50), Burst = random.Next(1, 20) };
            var passed = new List<DateTimeOffset>();
            for (var i = 0; i < 200; i++)
            {
                _time.Advance(TimeSpan.FromSeconds(random.NextDouble() * random.NextDouble() * 3 / rule.Rate));
                if (Take($"seed{seed}", rule) is null)
                    passed.Add(_time.GetUtcNow());
            }
            for (var from = 0; from < passed.Count; from++)
            {
                for (var to = from; to < passed.Count; to++)
                    ((double)(to - from + 1)).ShouldBeLessThanOrEqualTo(rule.Size + ((passed[to] - passed[from]).TotalSeconds * rule.Rate) + 1e-6, $"seed {seed}");
            }
            passed.Count.ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public void Request_ThatOneLimitRefuses_TakesNothingFromAnother()
    {
        var (all, tools) = (new RateRule { Rate = 0.001, Burst = 5 }, new RateRule { Route = "/tools", Rate = 0.001, Burst = 1 });
        Take("a", all, tools).ShouldBeNull();
        for (var i = 0; i < 10; i++)
            Take("a", all, tools)!.Value.Rule.ShouldBe(tools);

        for (var i = 0; i < 4; i++)
            Take("a", all).ShouldBeNull();
        Take("a", all).ShouldNotBeNull();
    }

    [Fact]
    public void ChangedRule_KeepsTheBucketsLevel()
    {
        for (var i = 0; i < 10; i++)
            Take("a", new RateRule { Rate = 1, Burst = 10 }).ShouldBeNull();

        Take("a", new RateRule { Rate = 1, Burst = 1000 }).ShouldNotBeNull();
        _time.Advance(TimeSpan.FromSeconds(2));
        Take("a", new RateRule { Rate = 1000, Burst = 1000 }).ShouldBeNull(); // what two seconds brought at the old rate
        Take("a", new RateRule { Rate = 1000, Burst = 1000 }).ShouldBeNull();
        Take("a", new RateRule { Rate = 1000, Burst = 1000 }).ShouldNotBeNull();
    }

    [Fact]
    public void Buckets_AreBounded_AndFullOnesForgottenFirst()
    {
        var rule = new RateRule { Rate = 1, Burst = 2 };
        for (var i = 0; i < RateLimits.MaxBuckets; i++)
            Take($"old{i}", rule);
        _time.Advance(TimeSpan.FromMinutes(1));
        Take("busy", rule);
        Take("busy", rule);
        _limits.Count.ShouldBe(1);
        Take("busy", rule).ShouldNotBeNull();

        for (var i = 0; i < RateLimits.MaxBuckets + 10; i++)
            Take($"new{i}", rule);
        _limits.Count.ShouldBeLessThanOrEqualTo(RateLimits.MaxBuckets + 1); // newcomers share one
        Take("another", rule).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("/v1/**", "/v1", true)]
    [InlineData("/v1/**", "/v1/", true)]
    [InlineData("/v1/**", "/V1/chat/completions", true)]
    [InlineData("/v1/**", "/v10", false)]
    [InlineData("/chat", "/chat/", true)]
    [InlineData("/chat", "/CHAT", true)]
    [InlineData("/chat", "/chat/x", false)]
    [InlineData("*", "/", true)]
    public void Route_MatchesAsRoutingDoes(string route, string path, bool matches) =>
        new RouteRates(route, []).Matches(path).ShouldBe(matches);

    [Fact]
    public void NamedKey_WinsOverEvery_AndRoutesAddUp()
    {
        var set = new LimitSet(new LimitsSettings
        {
            Rate =
            [
                new() { Rate = 1 }, new() { Key = "ci", Rate = 2 }, new() { Route = "/v1/**", Rate = 3 }, new() { Key = "ci", Route = "/chat", Rate = 4 },
            ],
        }, new TenantBudgets(null!, null!, _time, NullLogger<TenantBudgets>.Instance));

        set.RatesFor("ci", "/v1/models").Select(rule => rule.Rate).ShouldBe([2, 3]);
        set.RatesFor("ada", "/v1/models").Select(rule => rule.Rate).ShouldBe([1, 3]);
        set.RatesFor("ci", "/chat").Select(rule => rule.Rate).ShouldBe([2, 4]);
        set.RatesFor("ada", "/chat").Select(rule => rule.Rate).ShouldBe([1]);
    }
}
