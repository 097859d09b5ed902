using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Text;
using NpgsqlTypes;

namespace Lyceum.Tests.ChatApi;

/// <summary>
/// Any text at all, from a model or a person: stored as what <see cref="StorableText"/> makes of it, and read back so.
/// </summary>
public sealed class StoredTextTests(PostgresFixture postgres)
{
    private const int Seed = 20260302;

    [Fact]
    public Task Text_OfAnyKind_IsTakenByPostgresAndReadBack() => TakenAsync(5_000);

    [Fact]
    [Trait("Category", "Long")]
    public Task Text_OfAnyKind_IsTakenByPostgresAndReadBack_Often() => TakenAsync(500_000);

    /// <param name="count">Texts, and as many JSON documents.</param>
    private async Task TakenAsync(int count)
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var nasty = new NastyText(Seed);
        for (var done = 0; done < count; done += 1000)
        {
            var texts = Enumerable.Range(0, 1000).Select(_ => StorableText.Of(nasty.Text())).ToArray();
            await using (var command = replica.Database.CreateCommand("SELECT t FROM unnest($1) WITH ORDINALITY AS u(t, n) ORDER BY n"))
            {
                command.Parameters.Add(new() { Value = texts, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
                (await ReadAsync(command)).ShouldBe(texts);
            }
            var documents = Enumerable.Range(0, 1000).Select(_ => nasty.Json()).ToArray();
            await using (var command = replica.Database.CreateCommand(
                "SELECT to_jsonb(t::jsonb)::text FROM unnest($1) WITH ORDINALITY AS u(t, n) ORDER BY n"))
            {
                command.Parameters.Add(new()
                {
                    Value = documents.Select(json => StorableText.OfJson(json)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
                });
                foreach (var (read, json) in (await ReadAsync(command)).Zip(documents))
                    Strings(read).ShouldBe(Strings(StorableText.OfJson(json)), json);
            }
        }
    }

    [Theory]
    [InlineData("""{"a":"\u0000"}""", """{"a":"\ufffd"}""")]
    [InlineData("""{"\u0000":1}""", """{"\ufffd":1}""")]
    [InlineData("""["\ud83d"]""", """["\ufffd"]""")]
    [InlineData("""["\ude00\ud83d"]""", """["\ufffd\ufffd"]""")]
    [InlineData("""["\ud83d\ude00","\\u0000","\\\u0000"]""", """["\ud83d\ude00","\\u0000","\\\ufffd"]""")]
    [InlineData("""["\ud83d\\ude00"]""", """["\ufffd\\ude00"]""")]
    [InlineData("""["\uD83D\uDE00 plain"]""", """["\uD83D\uDE00 plain"]""")]
    [InlineData("no json \\", "no json \\")]
    public void Json_WithEscapesOfWhatCannotBeStored_HasReplacements(string json, string expected) =>
        StorableText.OfJson(json).ShouldBe(expected);

    [Fact]
    public Task Answer_OfAnyText_IsStoredAsWhatIsShown() => AnsweredAsync(300);

    [Fact]
    [Trait("Category", "Long")]
    public Task Answer_OfAnyText_IsStoredAsWhatIsShown_Often() => AnsweredAsync(20_000);

    private async Task AnsweredAsync(int count)
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var nasty = new NastyText(Seed + 1);
        for (var done = 0; done < count; done++)
        {
            var generation = await replica.BeginAsync();
            for (var deltas = nasty.Next(4); deltas >= 0; deltas--)
            {
                generation.Text.Append(nasty.Text());
                replica.Journal.Enqueue(generation);
            }
            await generation.CommittedButAsync(0, TestContext.Current.CancellationToken);
            var shown = ChatMachinery.Shown(generation);
            (await replica.ChunksAsync(generation.Id)).ShouldBe(shown);

            var end = new AnswerEnd(
                AnswerStatus.Interrupted, nasty.Text(), new Usage(1, int.MaxValue, -1),
                new AnswerError("about:blank", nasty.Text(), 502, nasty.Text(), nasty.Text()),
                Sources: [new AnswerSource(1, nasty.Text(), nasty.Text(), nasty.Text(), nasty.Text())]);
            (await replica.Rows.CloseAsync(generation.Id, generation.Owner, generation.Epoch, end, default)).ShouldNotBeNull();
            (await replica.MessageAsync(generation.Id))
                .ShouldBe((AnswerStatus.Interrupted, StorableText.Truncate(end.FinishReason, 256), shown));
            var error = AnswerJson.Parse<AnswerError>((string)(await replica.ScalarAsync(
                "SELECT error::text FROM messages WHERE id = $1", generation.Id))!)!;
            (error.Title, error.Detail, error.Code)
                .ShouldBe((StorableText.Of(end.Error!.Title), StorableText.Of(end.Error.Detail), StorableText.Of(end.Error.Code)));
        }
    }

    private static async Task<List<string>> ReadAsync(Npgsql.NpgsqlCommand command)
    {
        var texts = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            texts.Add(reader.GetString(0));
        return texts;
    }

    /// <summary>All strings of a document, sorted: jsonb orders members, and keeps the last of two of one name.</summary>
    private static List<string> Strings(string json)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        using var document = JsonDocument.Parse(json);
        Walk(document.RootElement);
        return [.. found];

        void Walk(JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.String)
                found.Add(value.GetString()!);
            if (value.ValueKind == JsonValueKind.Array)
                value.EnumerateArray().ToList().ForEach(Walk);
            if (value.ValueKind != JsonValueKind.Object)
                return;
            foreach (var members in value.EnumerateObject().GroupBy(member => member.Name))
            {
                found.Add(members.Key);
                Walk(members.Last().Value);
            }
        }
    }
}
