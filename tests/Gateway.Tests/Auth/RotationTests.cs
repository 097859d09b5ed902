using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Lyceum.Gateway.Settings;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Gateway.Tests.Auth;

/// <summary>Secrets and configuration that change under load.</summary>
public sealed class RotationTests : IAsyncLifetime
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private Backend _chat = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _gateway = TestGateway.Start(_identity, TestGateway.Reference("chat-api", _chat.Address), configure: file => file["auth"]!["grace"] = Grace.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        _identity.Dispose();
    }

    private async Task<bool> IsAcceptedAsync(string token) => (await _gateway.GetAsync("/chat", token)).IsSuccessStatusCode;

    [Fact]
    public Task RotationEverySecond_FailsNoValidKey_AndOldOnesDie() => RotateAsync(rotations: 2, pause: TimeSpan.Zero, late: TimeSpan.FromSeconds(10));

    [Fact]
    [Trait("Category", "Long")]
    public Task RotationEverySecondForAMinute_FailsNoValidKey_AndOldOnesDieInTime() => RotateAsync(rotations: 60, pause: TimeSpan.FromSeconds(1), late: TimeSpan.FromSeconds(1));

    /// <param name="pause">Between the beginnings of two rotations, at least.</param>
    /// <param name="late">How long after its grace a secret may still be accepted.</param>
    private async Task RotateAsync(int rotations, TimeSpan pause, TimeSpan late)
    {
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
            await Eventually.TrueAsync(() => IsAcceptedAsync(next), "the new secret");
            Volatile.Write(ref valid, next);
            deaths.Add(DeathAsync(old, began));
            if (Stopwatch.GetElapsedTime(began) is var took && took < pause)
                await Task.Delay(pause - took, TestContext.Current.CancellationToken);
        }
        var lifetimes = await Task.WhenAll(deaths);
        await stop.CancelAsync();
        await Task.WhenAll(callers);

        failures.ShouldBeEmpty();
        requests.ShouldBeGreaterThan(100);
        lifetimes.Min().ShouldBeGreaterThan(Grace);
        lifetimes.Max().ShouldBeLessThan(Grace + late);
        TestContext.Current.SendDiagnosticMessage(
            $"{requests} requests over {rotations} rotations, none failed; an old secret was refused {lifetimes.Max() - Grace} after its grace at most");
    }

    /// <summary>From its replacement until it is refused.</summary>
    private async Task<TimeSpan> DeathAsync(string secret, long replaced)
    {
        await Eventually.TrueAsync(async () => !await IsAcceptedAsync(secret), "the old secret's end");
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
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/chat")).StatusCode == HttpStatusCode.Forbidden, "a scope less");

        _gateway.Configure(file => file["auth"]!["tokens"]!.AsArray().Clear());
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/chat")).StatusCode == HttpStatusCode.Unauthorized, "out");
    }

    [Fact]
    public async Task Stream_GoesOn_WhileTheConfigurationChanges()
    {
        _chat.Stream.Writer.TryWrite("open\n");
        using var response = await _gateway.GetAsync("/api/conversations/stream");
        using var stream = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        (await stream.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("open");
        for (var reload = 0; reload < 3; reload++)
        {
            // The last one takes out the very token that opened it: who is in, is in.
            var scopes = reload < 2 ? new[] { "chat", "llm" } : [];
            var other = $"other-{reload}";
            _gateway.Configure(file =>
            {
                if (scopes.Length == 0)
                    file["auth"]!["tokens"]!.AsArray().Clear();
                file["auth"]!["tokens"]!.AsArray().Add(TestGateway.Token(other, "t", ["chat"], ("secret_sha256", Signer.Sha256(other))));
            });
            await Eventually.TrueAsync(() => IsAcceptedAsync(other), "reloaded");
            await _chat.Stream.Writer.WriteAsync($"line {reload}\n", TestContext.Current.CancellationToken);
            (await stream.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe($"line {reload}");
        }
        _chat.Stream.Writer.Complete();
        (await stream.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBeNull();
    }

    [Fact]
    public async Task FaultyConfiguration_LeavesTheLastGoodOne_AndShowsAtHealth()
    {
        var settings = _gateway.Services.GetRequiredService<SettingsMonitor>();
        var good = await File.ReadAllTextAsync(_gateway.ConfigurationFile, TestContext.Current.CancellationToken);
        foreach (var (content, fault) in ((string, string)[])[("{", "not valid JSON"), (good.Replace("chat", "chatt"), "auth.tokens[0].scopes[0]: unknown")])
        {
            await WriteAsync(_gateway.ConfigurationFile, content);
            await FaultAsync(fault);
        }
        (await IsAcceptedAsync(TestGateway.Secret)).ShouldBeTrue();
        await WriteAsync(_gateway.ConfigurationFile, good);
        await Eventually.TrueAsync(() => Task.FromResult(settings.Errors.Count == 0), "mended");

        await WriteAsync(_gateway.SecretFile, " \n");
        await FaultAsync("auth.tokens[0].secret_file: file ada is empty");
        File.Delete(_gateway.SecretFile);
        await FaultAsync("auth.tokens[0].secret_file: file ada does not exist");
        (await IsAcceptedAsync(TestGateway.Secret)).ShouldBeTrue();
        var check = (await (await _gateway.GetAsync("/health", token: null)).JsonAsync()).GetProperty("checks").GetProperty("configuration");
        check.GetProperty("status").GetString().ShouldBe("degraded");
        check.GetProperty("detail").GetString()!.ShouldEndWith("auth.tokens[0].secret_file: file ada does not exist");

        Task WriteAsync(string file, string content) => File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        Task FaultAsync(string fault) => Eventually.TrueAsync(
            () => Task.FromResult(settings.Errors is [{ } only] && only.StartsWith(fault)), fault);
    }
}
