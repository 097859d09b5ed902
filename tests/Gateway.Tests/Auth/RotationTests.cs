using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Auth;

/// <summary>Secrets and configuration that change under load.</summary>
public sealed class RotationTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private Backend _chat = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _gateway = TestGateway.Start(_identity, TestGateway.Reference("chat-api", _chat.Address), configure: file => file["auth"]!["grace"] = "00:00:01.500");
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        _identity.Dispose();
    }

    private async Task<bool> IsAcceptedAsync(string token) => (await _gateway.GetAsync("/chat", token)).IsSuccessStatusCode;

    [Fact]
    public Task RotationEverySecond_FailsNoValidKey_AndOldOnesDie() => RotateAsync(rotations: 3, TimeSpan.FromSeconds(5));

    [Fact]
    [Trait("Category", "Long")]
    public Task RotationEverySecondForAMinute_FailsNoValidKey_AndOldOnesDieInTime() => RotateAsync(rotations: 60, TimeSpan.FromSeconds(1));

    /// <param name="late">How long after its grace a secret may still be accepted.</param>
    private async Task RotateAsync(int rotations, TimeSpan late)
    {
        var grace = TimeSpan.FromSeconds(1.5);
        var valid = TestGateway.Secret;
        var failures = new ConcurrentQueue<string>();
        var requests = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var callers = Enumerable.Range(0, 16).Select(async _ =>
        {
            for (; !stop.IsCancellationRequested; Interlocked.Increment(ref requests))
            {
                var response = await _gateway.GetAsync("/chat", Volatile.Read(ref valid));
                if (!response.IsSuccessStatusCode)
                    failures.Enqueue($"{response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
            }
        }).ToList();

        var deaths = new List<Task<TimeSpan>>();
        for (var rotation = 1; rotation <= rotations; rotation++)
        {
            var began = Stopwatch.GetTimestamp();
            var (old, next) = (valid, $"secret-number-{rotation}");
            // In place or moved over, as people and programs do.
            if (rotation % 2 == 0)
            {
                await File.WriteAllTextAsync(_gateway.SecretFile, next + "\n", TestContext.Current.CancellationToken);
            }
            else
            {
                await File.WriteAllTextAsync(_gateway.SecretFile + ".new", next, TestContext.Current.CancellationToken);
                File.Move(_gateway.SecretFile + ".new", _gateway.SecretFile, overwrite: true);
            }
            await Assertions.Eventually(() => IsAcceptedAsync(next), "the new secret");
            Volatile.Write(ref valid, next);
            deaths.Add(DeathAsync(old, began));
            if (Stopwatch.GetElapsedTime(began) is var took && took < TimeSpan.FromSeconds(1))
                await Task.Delay(TimeSpan.FromSeconds(1) - took, TestContext.Current.CancellationToken);
        }
        var lifetimes = await Task.WhenAll(deaths);
        await stop.CancelAsync();
        await Task.WhenAll(callers);

        failures.ShouldBeEmpty();
        requests.ShouldBeGreaterThan(100);
        lifetimes.Min().ShouldBeGreaterThan(grace);
        lifetimes.Max().ShouldBeLessThan(grace + late);
        TestContext.Current.SendDiagnosticMessage(
            $"{requests} requests over {rotations} rotations, none failed; an old secret was refused {lifetimes.Max() - grace} after its grace at most");
    }

    /// <summary>From its replacement until it is refused.</summary>
    private async Task<TimeSpan> DeathAsync(string secret, long replaced)
    {
        await Assertions.Eventually(async () => !await IsAcceptedAsync(secret), "the old secret's end");
        return Stopwatch.GetElapsedTime(replaced);
    }

    [Fact]
    public async Task ReplacedConfiguration_IsFollowed_AndWhoIsTakenOutHasNoGrace()
    {
        _gateway.Configure(file =>
        {
            file["auth"]!["grace"] = "01:00:00";
            file["auth"]!["tokens"]![0]!["scopes"]!.AsArray().RemoveAt(0); // chat
        });
        await Assertions.Eventually(async () => (await _gateway.GetAsync("/chat")).StatusCode == HttpStatusCode.Forbidden, "a scope less");

        _gateway.Configure(file => file["auth"]!["tokens"]!.AsArray().Clear());
        await Assertions.Eventually(async () => (await _gateway.GetAsync("/chat")).StatusCode == HttpStatusCode.Unauthorized, "out");
    }

    [Fact]
    public async Task FaultyConfiguration_LeavesTheLastGoodOne_AndShowsAtHealth()
    {
        var good = await File.ReadAllTextAsync(_gateway.ConfigurationFile, TestContext.Current.CancellationToken);
        foreach (var faulty in (string[])["{", good.Replace("chat", "chatt")])
        {
            await File.WriteAllTextAsync(_gateway.ConfigurationFile, faulty, TestContext.Current.CancellationToken);
            await Assertions.Eventually(async () => await HealthAsync() == "degraded", "the fault is noticed");
            (await IsAcceptedAsync(TestGateway.Secret)).ShouldBeTrue();
            await File.WriteAllTextAsync(_gateway.ConfigurationFile, good, TestContext.Current.CancellationToken);
            await Assertions.Eventually(async () => await HealthAsync() == "ok", "the fault is gone");
        }

        await File.WriteAllTextAsync(_gateway.SecretFile, " \n", TestContext.Current.CancellationToken);
        await Assertions.Eventually(async () => (await HealthAsync(detail: true)).Contains("auth.tokens[0].secret_file: file ada is empty"), "named");
        File.Delete(_gateway.SecretFile);
        await Assertions.Eventually(async () => (await HealthAsync(detail: true)).Contains("auth.tokens[0].secret_file: file ada does not exist"), "named");
        (await IsAcceptedAsync(TestGateway.Secret)).ShouldBeTrue();

        async Task<string> HealthAsync(bool detail = false)
        {
            var check = (await (await _gateway.GetAsync("/health", token: null)).JsonAsync()).GetProperty("checks").GetProperty("configuration");
            return check.GetProperty(detail ? "detail" : "status").GetString() ?? "";
        }
    }
}
