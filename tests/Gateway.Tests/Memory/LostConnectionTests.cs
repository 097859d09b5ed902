namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>All connections of the pool die, as when the database restarts: the next requests notice nothing.</summary>
[Collection(MemoryCollection.Name)]
public sealed class LostConnectionTests(MemoryFixture memory)
{
    [Fact]
    public async Task Requests_AfterAllConnectionsDied_AreServed()
    {
        var (id, type) = (MemoryFixture.New("a"), MemoryFixture.New("t")[..20]);
        await KillAsync();
        await MemoryFixture.OkAsync(memory.AppendAsync(new { records = new[] { new { id } }, edges = new[] { new { from = id, to = id, type = "t" } } }));
        await KillAsync();
        (await MemoryFixture.OkAsync(memory.RecallAsync($"start={id}"))).GetProperty("edges").GetArrayLength().ShouldBe(1);
        await KillAsync();
        (await MemoryFixture.OkAsync(memory.EmitAsync(new { events = new[] { new { type } } }))).GetProperty("recorded").GetInt32().ShouldBe(1);
        await KillAsync();
        (await MemoryFixture.OkAsync(memory.SendAsync(HttpMethod.Get, $"/api/observe/events?type={type}"))).GetProperty("events").GetArrayLength().ShouldBe(1);
    }

    private async Task KillAsync()
    {
        await using var connection = await memory.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        // And itself, in the pool.
        command.CommandText = "SELECT pg_terminate_backend(pg_backend_pid())";
        await Should.ThrowAsync<Npgsql.PostgresException>(() => command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken));
    }
}
