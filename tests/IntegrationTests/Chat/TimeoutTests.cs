using System.Net.Http.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>
/// A system whose times are scaled down by fifty: an answer may take 6 s instead of 300, a ping comes every 0.3 s instead
/// of 15, and so Gateway's patience with a silent stream is 1.2 s instead of 60.
/// </summary>
public sealed class HastySystem : ChatSystem, IAsyncLifetime
{
    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        await StartWithStubAsync();
        if (!IsAvailable)
            return;
        // The first questions of a fresh process pay for its start, which scaled-down patience does not cover.
        using var http = CreateGatewayClient();
        for (var attempt = 0; attempt < 10; attempt++)
        {
            using var answer = await http.PostAsJsonAsync("/chat", new { message = "[[stub tokens=1 rate=0]]" });
            if (attempt > 2 && answer.IsSuccessStatusCode)
                return;
        }
    }

    protected override IEnumerable<string> Arguments =>
    [
        .. base.Arguments, "--Answers:MaxDuration=00:00:06", "--Answers:Ping=00:00:00.3",
        "--Answers:FirstToken=00:00:04", "--Answers:BetweenTokens=00:00:02",
    ];
}

[CollectionDefinition(Name)]
public sealed class HastyCollection : ICollectionFixture<HastySystem>
{
    public const string Name = "hasty system";
}

/// <summary>Rule 4: every wait has a bound, and the bounds agree. Seed 000's failure, scaled down.</summary>
[Collection(HastyCollection.Name)]
[Trait("Category", "Long")] // a system of its own; each hop's bound by itself is in the services' own tests
public sealed class TimeoutTests(HastySystem system)
{
    [Fact]
    public async Task LongAnswer_WithinTheBound_ArrivesWhole()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=50 rate=10 seed=1]]");
        await answer.ToEndAsync();
        answer.Text.ShouldBe(StubText.Text(1, 50, unicode: false));
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
    }

    [Fact]
    public async Task SlowBeginning_LongerThanTheGatewaysPatience_KeptAliveByPings()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=5 rate=10 first_delay_ms=2500]]");
        await answer.ToEndAsync();
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
        answer.Pings.ShouldBeGreaterThan(3);
    }

    [Fact]
    public async Task EndlessAnswer_CutAtTheBound_PartKept()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=1000 rate=10 seed=2]]");
        await answer.ToEndAsync();
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("timed_out");
        answer.End.Data.GetProperty("finish_reason").GetString().ShouldBe("max_duration");
        var stored = (await chat.MessagesAsync(answer.ConversationId))[1];
        stored.GetProperty("status").GetString().ShouldBe("timed_out");
        stored.GetProperty("content").GetString().ShouldBe(answer.Text);
        StubText.Text(2, 1000, unicode: false).ShouldStartWith(answer.Text);
        answer.Text.Split(' ').Length.ShouldBeInRange(30, 65);
    }

    [Theory]
    [InlineData("first_delay_ms=60000", "first_token_timeout", 0)]
    [InlineData("stall_after=7 seed=9", "token_timeout", 7)]
    public async Task SilentModel_Ended_WithItsOwnReason(string script, string reason, int tokens)
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync($"[[stub tokens=100 rate=20 {script}]]");
        await answer.ToEndAsync();
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("timed_out");
        answer.End.Data.GetProperty("finish_reason").GetString().ShouldBe(reason);
        answer.Text.ShouldBe(StubText.Text(9, tokens, unicode: false));
    }
}

/// <summary>The same at full length, behind <c>./test.sh --long</c>.</summary>
public sealed class LongAnswerSystem : ChatSystem
{
    protected override IEnumerable<string> Arguments => [.. base.Arguments, "--Answers:MaxDuration=00:10:00"];
}

[Trait("Category", "Long")]
public sealed class LongAnswerTests
{
    [Fact]
    public async Task SixMinutesAtTwoTokensASecond_ArriveWhole()
    {
        await using var system = new OwnSystem<LongAnswerSystem>();
        await system.StartAsync();
        await using var answer = await system.AskAsync("[[stub tokens=720 rate=2 seed=1]]", TimeSpan.FromMinutes(7));
        await answer.ToEndAsync();
        answer.Text.ShouldBe(StubText.Text(1, 720, unicode: false));
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
    }

    [Fact]
    public async Task Default_CutsAt300Seconds_PartKept()
    {
        await using var system = new OwnSystem<ChatSystem>();
        await system.StartAsync();
        await using var answer = await system.AskAsync("[[stub tokens=720 rate=2 seed=1]]", TimeSpan.FromMinutes(7));
        await answer.ToEndAsync();
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("timed_out");
        answer.Text.Split(' ').Length.ShouldBeInRange(580, 602);
    }

    /// <summary>A system that lives as long as one test.</summary>
    private sealed class OwnSystem<TSystem> : IAsyncDisposable
        where TSystem : ChatSystem, new()
    {
        private readonly TSystem _system = new();

        public ValueTask StartAsync() => ((IAsyncLifetime)_system).InitializeAsync();

        public async Task<ChatReading> AskAsync(string message, TimeSpan patience)
        {
            _ = _system.App;
            var http = _system.CreateGatewayClient();
            http.Timeout = patience;
            return await new ChatClient(http, patience).AskAsync(message);
        }

        public ValueTask DisposeAsync() => ((IAsyncDisposable)_system).DisposeAsync();
    }
}
