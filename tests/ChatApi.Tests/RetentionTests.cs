namespace Lyceum.Tests.ChatApi;

public sealed class RetentionTests(PostgresFixture postgres)
{
    [Fact]
    public async Task OldConversations_OfTenantsThatSaySo_AreDeleted_ButNoneThatIsInUse()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var running = await machinery.BeginAsync();
        await machinery.ExecuteAsync("UPDATE conversations SET updated_at = now() - interval '40 days'");
        await machinery.ExecuteAsync(
            """
            INSERT INTO conversations
            SELECT gen_random_uuid(), tenant, 'o', title, now(), now() - age::interval
            FROM (VALUES ('t', 'old', '31 days'), ('t', 'fresh', '29 days'), ('u', 'for ever', '900 days'), ('v', 'others', '31 days'))
                AS c(tenant, title, age), generate_series(1, 150)
            """);

        var sweep = machinery.Sweep(
            new("t", Conversations: 30, null, null, null), new("v", Conversations: 60, Transcripts: 1, Uploads: 1, Logs: 1));
        await sweep.SweepAsync(TestContext.Current.CancellationToken);

        (await machinery.ScalarAsync("SELECT string_agg(DISTINCT title, ' ' ORDER BY title) FROM conversations"))
            .ShouldBe("for ever fresh others title");
        (await machinery.ScalarAsync("SELECT count(*) FROM messages WHERE id = $1", running.Id)).ShouldBe(1L);
    }
}
