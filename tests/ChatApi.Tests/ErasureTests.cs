using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Data;
using Lyceum.Durability.Persons;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support.Postgres;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

public sealed class ErasureTests(PostgresFixture postgres)
{
    private const string Word = "secret-of-ada";

    [Fact]
    public async Task Person_Erased_LeavesNothingButTheTombstone_AndOthersKeepTheirs()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await machinery.RecordAsync(Question() with { IdempotencyKey = Word }, machinery.Lease.OwnerId);
        await AddImageAsync(machinery, isUsed: true);
        await AddImageAsync(machinery, isUsed: false);
        var answer = await machinery.BeginAsync();
        await machinery.WriteAsync(answer, Word);
        await machinery.ExecuteAsync(
            "INSERT INTO conversations VALUES ($1, 't', 'bob', 'his', now(), now())", Guid.CreateVersion7());
        (await FindAsync(machinery)).ShouldNotBeEmpty();

        await EraseAsync(machinery);

        (await FindAsync(machinery)).ShouldBeEmpty();
        (await machinery.ScalarAsync("SELECT count(*) FROM conversations")).ShouldBe(1L);
        (await machinery.ScalarAsync("SELECT count(*) FROM generation_chunks")).ShouldBe(0L);
        (await machinery.ScalarAsync("SELECT count(*) FROM images")).ShouldBe(0L);
        (await Should.ThrowAsync<PostgresException>(() => AddImageAsync(machinery, isUsed: false)))
            .SqlState.ShouldBe(DatabaseFailures.PersonErased);
        (await machinery.ScalarAsync("SELECT count(*) FROM erased_persons WHERE tenant = 't' AND person = 'o'")).ShouldBe(1L);
    }

    [Fact]
    public async Task ErasedPerson_Asks_IsRefused()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await EraseAsync(machinery);

        var late = await Should.ThrowAsync<PostgresException>(
            () => machinery.RecordAsync(Question(), machinery.Lease.OwnerId));

        late.SqlState.ShouldBe(DatabaseFailures.PersonErased);
        (await FindAsync(machinery)).ShouldBeEmpty();
    }

    /// <summary>A question that is being recorded at the moment of the tombstone has not seen it.</summary>
    [Fact]
    public async Task Erasure_WaitsForWhoWasWriting()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await using var writer = await machinery.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var writing = await writer.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var insert = new NpgsqlCommand(
            $"INSERT INTO conversations VALUES ('{Guid.CreateVersion7()}', 't', 'o', '{Word}', now(), now())", writer))
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        (await machinery.Erasure.EraseAsync("t", "o", TestContext.Current.CancellationToken)).ShouldBeFalse();
        await writing.CommitAsync(TestContext.Current.CancellationToken);
        await EraseAsync(machinery);

        (await FindAsync(machinery)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Export_HasConversationsAsJsonAndMarkdown_AndNobodyElses()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await machinery.RecordAsync(Question(), machinery.Lease.OwnerId);
        await machinery.ExecuteAsync(
            "INSERT INTO conversations VALUES ($1, 't', 'bob', 'his', now(), now())", Guid.CreateVersion7());

        var image = await AddImageAsync(machinery, isUsed: true);

        var (files, data) = (new Dictionary<string, string>(), new Dictionary<string, byte[]>());
        await foreach (var piece in machinery.Export.ReadAsync("t", "o", TestContext.Current.CancellationToken))
        {
            files[piece.Path] = files.GetValueOrDefault(piece.Path, "") + piece.Text;
            if (piece.Data is not null)
                data.Add(piece.Path, piece.Data);
        }
        data.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            file => file.Key.ShouldBe($"images/{image}.jpg"), file => file.Value.ShouldBe([1, 2, 3]));
        System.Text.Json.JsonElement.Parse(files["images.json"])[0].TryGetProperty("data", out _).ShouldBeFalse();
        System.Text.Json.JsonElement.Parse(files["message_images.json"])[0].GetProperty("image_id").GetGuid().ShouldBe(image);

        files.Keys.ShouldContain("messages.json");
        System.Text.Json.JsonElement.Parse(files["conversations.json"]).GetArrayLength().ShouldBe(1);
        var said = files.Single(file => file.Key.EndsWith(".md", StringComparison.Ordinal)).Value;
        said.ShouldContain($"What is {Word}?");
        said.ShouldContain($"(../images/{image}.jpg)");
        string.Concat(files.Values).ShouldNotContain("his");
    }

    /// <summary>An image of the person's; used: with every question that there is.</summary>
    private static async Task<Guid> AddImageAsync(ChatMachinery machinery, bool isUsed)
    {
        var id = Guid.CreateVersion7();
        await machinery.ExecuteAsync(
            "INSERT INTO images VALUES ($1, 't', 'o', 'image/jpeg', 1, 1, 3, '\\x010203', now(), CASE WHEN $2 THEN now() END)", id, isUsed);
        if (isUsed)
            await machinery.ExecuteAsync("INSERT INTO message_images SELECT id, 1, $1 FROM messages WHERE role = 'user'", id);
        return id;
    }

    private static Question Question() => new(null, $"What is {Word}?", false, null);

    private static Task EraseAsync(ChatMachinery machinery) => Eventually.TrueAsync(
        () => machinery.Erasure.EraseAsync("t", "o", TestContext.Current.CancellationToken), "it is erased");

    private static Task<List<string>> FindAsync(ChatMachinery machinery) =>
        PersonalRows.FindAsync(machinery.Database, [Word], "erased_persons");
}
