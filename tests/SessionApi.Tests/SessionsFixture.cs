using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>One SessionApi in Development for all tests of a class, and the keys of those who call it.</summary>
public sealed class SessionsFixture(PostgresFixture postgres) : IAsyncLifetime
{
    private readonly Lock _lock = new();
    private Task<TestSessions>? _sessions;

    public IdentityFolder Identity { get; } = new("gateway", "session-api", "chat-api");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Started by whoever asks first; skips the test where there is no PostgreSQL.</summary>
    public Task<TestSessions> StartedAsync()
    {
        lock (_lock)
            return _sessions ??= StartAsync();
    }

    private async Task<TestSessions> StartAsync() => await TestSessions.StartAsync(Identity, await postgres.CreateDatabaseAsync());

    public async ValueTask DisposeAsync()
    {
        if (_sessions is { IsCompletedSuccessfully: true })
            await (await _sessions).DisposeAsync();
        Identity.Dispose();
    }
}
