using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Auth;

/// <summary>Two replicas of the real gateway on one real database.</summary>
public sealed class SignedGateways(PostgresFixture postgres) : IAsyncLifetime
{
    public static readonly Signer Ada = new("ada-key", Signer.HmacSecret);
    public static readonly Signer Bob = new("bob-key", "the-other-secret");

    private readonly IdentityFolder _identity = new("gateway", "chat-api");

    public List<TestGateway> Gateways { get; } = [];

    public Backend Chat { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var database = await postgres.CreateDatabaseAsync();
        Chat = await Backend.StartAsync(_identity);
        for (var replica = 0; replica < 2; replica++)
            Gateways.Add(Start(database));
        // The first requests of a replica may come before it knows that the schema is there.
        foreach (var gateway in Gateways)
            await Eventually.TrueAsync(async () => (await Ada.Sign("GET", "/chat").SendAsync(gateway.Client)).IsSuccessStatusCode, "database ready");
    }

    /// <param name="database">Null: none.</param>
    public TestGateway Start(string? database)
    {
        var settings = TestGateway.Reference("chat-api", Chat.Address);
        if (database is not null)
            settings["ConnectionStrings:gatewaydb"] = database;
        return TestGateway.Start(_identity, settings, configure: Configure);
    }

    public static void Configure(JsonObject file)
    {
        Environment.SetEnvironmentVariable("LYCEUM_TEST_HMAC", Ada.Secret);
        Environment.SetEnvironmentVariable("LYCEUM_TEST_HMAC_2", Bob.Secret);
        var keys = file["auth"]!["hmac_keys"]!.AsArray();
        keys.Add(TestGateway.Token(Ada.KeyId, "acme", ["chat"], ("secret_env", "LYCEUM_TEST_HMAC"), ("subject", "ada")));
        keys.Add(TestGateway.Token(Bob.KeyId, "bobs", ["chat"], ("secret_env", "LYCEUM_TEST_HMAC_2")));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in Gateways)
            await gateway.DisposeAsync();
        if (Chat is not null)
            await Chat.DisposeAsync();
        _identity.Dispose();
    }
}

/// <summary>Signed requests as they are sent.</summary>
public sealed class SignedRequestTests : IClassFixture<SignedGateways>
{
    private static readonly Signer Ada = SignedGateways.Ada;

    private readonly SignedGateways _signed;
    private readonly List<TestGateway> _gateways;
    private readonly Backend _chat;

    public SignedRequestTests(SignedGateways fixture)
    {
        (_signed, _gateways, _chat) = (fixture, fixture.Gateways, fixture.Chat);
        _chat.Seen.Clear();
    }

    private static Task<HttpResponseMessage> Send(SignedParts parts, TestGateway gateway) => parts.SendAsync(gateway.Client);

    private Task<HttpResponseMessage> Send(SignedParts parts) => Send(parts, _gateways[0]);

    [Fact]
    public async Task SignedRequest_IsItsKeysCaller_WithBodyAndWithout()
    {
        var caller = await (await Send(Ada.Sign("GET", "/api/conversations/a%2Fb?x=%20&x=2"))).JsonAsync();
        caller.GetProperty("tenant").GetString().ShouldBe("acme");
        caller.GetProperty("subject").GetString().ShouldBe("ada");
        caller.GetProperty("query").GetString().ShouldBe("?x=%20&x=2");

        var length = await (await Send(Ada.Sign("POST", "/api/conversations/length", "学习" + new string('x', 900_000)))).JsonAsync();
        length.GetProperty("length").GetInt64().ShouldBe(900_006);

        using var chunked = Ada.Sign("POST", "/api/conversations/length", "in pieces").Message();
        chunked.Headers.TransferEncodingChunked = true;
        (await (await _gateways[0].Client.SendAsync(chunked, TestContext.Current.CancellationToken)).JsonAsync())
            .GetProperty("length").GetInt64().ShouldBe(9);
        _chat.Seen.ShouldAllBe(headers => !headers.ContainsKey("x-api-key") && !headers["Authorization"].StartsWith("HMAC"));
    }

    [Fact]
    public async Task Replay_IsRefused_OnEveryReplica_AlsoWhenAllComeAtOnce()
    {
        var parts = Ada.Sign("POST", "/api/conversations/length", "once");
        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(index => Send(parts, _gateways[index % 2])));

        answers.Count(answer => answer.IsSuccessStatusCode).ShouldBe(1);
        foreach (var refused in answers.Where(answer => !answer.IsSuccessStatusCode))
        {
            await refused.ShouldBeProblem(HttpStatusCode.Unauthorized, "replayed_request");
            refused.Headers.WwwAuthenticate.ToString().ShouldBe("HMAC error=\"replay\"");
        }
        // The nonce alone decides: signed anew for another request, it is spent all the same.
        await (await Send(Ada.Sign("GET", "/chat", nonce: parts.Nonce), _gateways[1])).ShouldBeProblem(HttpStatusCode.Unauthorized, "replayed_request");
        // Another key's nonces are its own.
        (await Send(SignedGateways.Bob.Sign("GET", "/chat", nonce: parts.Nonce))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task RefusedRequest_SpendsNoNonce()
    {
        var parts = Ada.Sign("POST", "/api/conversations/length", "the body");
        await (await Send(parts with { Signature = Flip(parts.Signature) })).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        var other = await Send(parts with { Body = "the bodx" });
        await other.ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        other.Headers.WwwAuthenticate.ToString().ShouldBe("HMAC error=\"body\"");
        await (await Send(parts with { Body = "" })).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");

        (await Send(parts)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task MissingScope_Is403_AndABodyOverTheLimit413()
    {
        await (await Send(Ada.Sign("GET", "/v1/models"))).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        var large = Ada.Sign("POST", "/api/conversations/length", new string('x', 1_100_000));
        await (await Send(large)).ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
        using var chunked = large.Message();
        chunked.Headers.TransferEncodingChunked = true;
        await (await _gateways[0].Client.SendAsync(chunked, TestContext.Current.CancellationToken))
            .ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
        _chat.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task SignatureOnAnOpenRoute_IsHeldToTheSameRules()
    {
        var parts = Ada.Sign("GET", "/chat/0/stream?ticket=t");
        (await (await Send(parts)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldEndWith("as somebody");
        await (await Send(parts)).ShouldBeProblem(HttpStatusCode.Unauthorized, "replayed_request");
    }

    [Fact]
    public async Task KeyInAFile_RotatesWithoutARestart()
    {
        var gateway = _gateways[1];
        var file = gateway.SecretFile + ".hmac";
        await File.WriteAllTextAsync(file, "the-first-secret", TestContext.Current.CancellationToken);
        gateway.Configure(configuration =>
        {
            SignedGateways.Configure(configuration); // the other keys stay: other tests follow
            configuration["auth"]!["grace"] = "00:00:01";
            configuration["auth"]!["hmac_keys"]!.AsArray().Add(TestGateway.Token("rotating", "acme", ["chat"], ("secret_file", file)));
        });
        try
        {
            await Accepts("the-first-secret");
            await File.WriteAllTextAsync(file, "the-second-secret", TestContext.Current.CancellationToken);
            await Accepts("the-second-secret");
            (await Sign("the-first-secret")).StatusCode.ShouldBe(HttpStatusCode.OK, "within its grace");
            await Eventually.TrueAsync(async () =>
                (await Sign("the-first-secret")).Headers.WwwAuthenticate.ToString() == "HMAC error=\"replaced\"", "the end of its grace");
            (await Sign("the-second-secret")).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            gateway.Configure(SignedGateways.Configure);
        }

        Task<HttpResponseMessage> Sign(string secret) => Send(new Signer("rotating", secret).Sign("GET", "/chat"), gateway);
        Task Accepts(string secret) => Eventually.TrueAsync(async () => (await Sign(secret)).IsSuccessStatusCode, secret);
    }

    [Fact]
    public async Task DatabaseAway_NothingIsNew()
    {
        await using var alone = _signed.Start(database: null);
        var refused = await Send(Ada.Sign("GET", "/chat"), alone);
        await refused.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "database_unavailable");
        refused.Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThan(TimeSpan.Zero);
        // A wrong signature is wrong without asking anybody.
        var parts = Ada.Sign("GET", "/chat");
        await (await Send(parts with { Signature = Flip(parts.Signature) }, alone)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        _chat.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task DocumentedShellScript_Signs()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/openssl") && File.Exists("/usr/bin/curl"), "openssl or curl are not installed");
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "hmac.md"), TestContext.Current.CancellationToken);
        var script = document.Split("```sh")[1].Split("```")[0].Replace("/api/tools/execute", "/api/conversations/length?x=%20")
            .Replace(" local POST ", $" {Ada.KeyId} POST ").Replace("\\\"local\\\"", $"\\\"{Ada.KeyId}\\\"")
            .Replace("http://localhost:8080", _gateways[0].Client.BaseAddress!.GetLeftPart(UriPartial.Authority));
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-euc", script])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["GATEWAY_HMAC_LOCAL"] = Ada.Secret },
        })!;
        var answer = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        answer.ShouldBe("""{"length":37}""");
    }

    [Fact]
    public Task Flood_LetsNoReplayAndNothingTamperedIn() => FloodAsync(2_000);

    [Fact]
    [Trait("Category", "Long")]
    public Task Flood_OfAHundredThousandEach_LetsNothingIn() => FloodAsync(100_000);

    /// <summary>While fresh requests are accepted all the time: <paramref name="count"/> replays, and as many with one thing changed.</summary>
    private async Task FloodAsync(int count)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var fresh = Enumerable.Range(0, 4).Select(worker => FreshAsync(_gateways[worker % 2], stop.Token)).ToList();

        var used = new SignedParts[Math.Max(100, count / 100)];
        await Parallel.ForAsync(0, used.Length, Sixteen, async (index, _) =>
        {
            used[index] = Ada.Sign("POST", $"/api/conversations/length?n={index}", $"body {index}");
            (await Send(used[index], _gateways[index % 2])).StatusCode.ShouldBe(HttpStatusCode.OK);
        });

        var statuses = new int[600];
        async Task Count(SignedParts parts, int index)
        {
            using var answer = await Send(parts, _gateways[index % 2]);
            Interlocked.Increment(ref statuses[(int)answer.StatusCode]);
        }
        // Half of the replays meet the replica that saw the original, half the other one.
        await Parallel.ForAsync(0, count, Sixteen, async (index, _) => await Count(used[index % used.Length], index / used.Length + index));
        await Parallel.ForAsync(0, count, Sixteen, async (index, _) => await Count(Tamper(index, used), index));
        await stop.CancelAsync();
        var accepted = (await Task.WhenAll(fresh)).Sum();

        statuses[401].ShouldBe(2 * count, $"{string.Join(", ", statuses.Index().Where(one => one.Item > 0).Select(one => $"{one.Index}: {one.Item}"))}");
        accepted.ShouldBeGreaterThan(0);
        TestContext.Current.SendDiagnosticMessage($"{count} replays and {count} tampered refused while {accepted} fresh ones were accepted");
    }

    private static ParallelOptions Sixteen => new() { MaxDegreeOfParallelism = 16, CancellationToken = TestContext.Current.CancellationToken };

    private static async Task<int> FreshAsync(TestGateway gateway, CancellationToken stop)
    {
        var accepted = 0;
        for (; !stop.IsCancellationRequested; accepted++)
            (await Send(Ada.Sign("GET", "/chat"), gateway)).StatusCode.ShouldBe(HttpStatusCode.OK);
        return accepted;
    }

    private static SignedParts Tamper(int index, SignedParts[] used)
    {
        var good = Ada.Sign("POST", $"/api/conversations/length?n={index}", $"body {index}");
        return (index % 14) switch
        {
            0 => good with { Method = "PUT" },
            1 => good with { Target = $"/api/conversations/lengths?n={index}" },
            2 => good with { Target = $"/api/conversations/length?n={index + 1}" },
            3 => good with { Target = good.Target + "&" },
            4 => good with { Date = Ada.Sign("GET", "/", date: DateTimeOffset.UtcNow.AddSeconds(-2)).Date },
            5 => Ada.Sign("GET", "/chat", date: DateTimeOffset.UtcNow.AddSeconds(-301)),
            6 => Ada.Sign("GET", "/chat", date: DateTimeOffset.UtcNow.AddSeconds(310)),
            7 => good with { Nonce = Guid.NewGuid().ToString("N") },
            8 => good with { Body = good.Body + " " },
            9 => good with { Body = "x", Digest = Signer.Sha256("x") },
            10 => good with { Signature = Flip(good.Signature) },
            11 => good with { KeyId = "bob-key" },
            12 => good with { KeyId = "nobody" },
            _ => Ada.Sign("GET", "/chat", nonce: used[index % used.Length].Nonce), // well signed, with a nonce that is spent
        };
    }

    private static string Flip(string signature) => (signature[0] == '0' ? '1' : '0') + signature[1..];
}
