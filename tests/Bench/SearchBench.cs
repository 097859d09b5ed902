using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Searching;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support.Postgres;
using Lyceum.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.Tests.Bench;

/// <summary>
/// The search of a person's messages, without HTTP and without live sessions: 1,000 persons with 100 messages each, then ten times
/// as many persons, then ten times as many messages of each. Words are as frequent as in a language (Zipf): a search has one of
/// the commonest and one that is rarer, in English or Chinese. A server of its own.
/// </summary>
internal sealed class SearchBench(int reads)
{
    private const int PerConversation = 50;
    private const int Words = 2_000;
    private const int InMessage = 40;
    private const int Warm = 50;
    private const int Rounds = 5;
    private const string Seldom = "一个学生老师课堂植物细胞光能水分空气叶绿体反应温度实验结果问题解答数学函数曲线面积体积";

    // How often each word comes, added up.
    private static readonly double[] Frequencies = Sum([.. Enumerable.Range(1, Words).Select(rank => 1.0 / rank)]);

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        await using var server = new PostgresServer();
        await server.StartAsync();
        if (!server.IsAvailable)
            throw new InvalidOperationException("PostgreSQL's server binaries are not installed");
        var before = await MeasureAsync(1_000, 100);
        var persons = await MeasureAsync(10_000, 100);
        var each = await MeasureAsync(1_000, 1_000);
        var growth = Math.Max(persons / before, each / before);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[perf] search growth_of_p99={growth:0.00} (at most 2)"));
        return growth < 2;

        async Task<double> MeasureAsync(int count, int messages)
        {
            var name = $"search_{count}_{messages}";
            await PostgresServer.ExecuteAsync(server.ConnectionString("postgres", pooling: false), $"CREATE DATABASE {name}");
            await using var source = NpgsqlDataSource.Create(server.ConnectionString(name) + ";Maximum Pool Size=10;Command Timeout=1200");
            await using (var db = new ChatDb(new DbContextOptionsBuilder<ChatDb>().UseNpgsql(source).Options))
                await db.Database.MigrateAsync(cancel);
            await SeedAsync(source, count, messages, cancel);
            var random = new Random(16);
            var search = new MessageSearch(source, null!);
            var found = 0;
            var (p50, p99) = await TimeAsync(async () =>
            {
                var person = $"p{random.Next(count)}";
                var words = $"{Word(random.Next(5))} {Word(random.Next(20, 200))}";
                var (hits, _, _) = await search.FindAsync(CallerOf(person), words, null, 20, withTranscripts: false, cancel);
                found += hits.Count;
            });
            if (found == 0)
                throw new InvalidOperationException("nothing was found");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"[perf] search {count:N0} persons x {messages:N0} messages: ms p50={p50:0.00} p99={p99:0.00} hits={(double)found / (Warm + reads * Rounds):0.0}"));
            return p99;
        }
    }

    private static Caller CallerOf(string person) => new("bench", person, CallerKind.User, new HashSet<string>([Scopes.Chat]));

    /// <summary>Milliseconds: the medians of five rounds, as a busy machine disturbs some of them.</summary>
    private async Task<(double P50, double P99)> TimeAsync(Func<Task> read)
    {
        for (var i = 0; i < Warm; i++)
            await read();
        var rounds = new List<double[]>();
        for (var round = 0; round < Rounds; round++)
        {
            var times = new double[reads];
            for (var i = 0; i < reads; i++)
            {
                var started = Stopwatch.GetTimestamp();
                await read();
                times[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
            rounds.Add([.. times.Order()]);
        }
        return (rounds.Select(times => times.Percentile(50)).Median(), rounds.Select(times => times.Percentile(99)).Median());
    }

    /// <summary>By COPY, with the terms that the service would write; without its triggers, which a search does not read.</summary>
    private static async Task SeedAsync(NpgsqlDataSource source, int count, int messages, CancellationToken cancel)
    {
        await using var connection = await source.OpenConnectionAsync(cancel);
        await ExecuteAsync("SET synchronous_commit = off; SET session_replication_role = replica");
        var random = new Random(61);
        var at = new DateTimeOffset(2026, 9, 1, 0, 0, 0, TimeSpan.Zero);
        var conversations = new List<(Guid Id, string Person)>();
        await using (var copy = await connection.BeginTextImportAsync(
            "COPY conversations (id, tenant, owner, title, title_terms, created_at, updated_at) FROM STDIN", cancel))
        {
            for (var person = 0; person < count; person++)
                for (var n = 0; n < messages / PerConversation; n++)
                {
                    conversations.Add((Guid.CreateVersion7(), $"p{person}"));
                    await copy.WriteAsync($"{conversations[^1].Id}\tbench\tp{person}\tA title\t\t{at:O}\t{at:O}\n");
                }
        }
        // As they come in a year: everybody's beside each other's.
        await using (var copy = await connection.BeginTextImportAsync(
            "COPY messages (id, conversation_id, position, depth, role, content, status, created_at, terms) FROM STDIN", cancel))
        {
            for (var position = 0; position < PerConversation; position++)
                foreach (var (id, person) in conversations)
                {
                    at = at.AddSeconds(1);
                    var text = Text(random);
                    var terms = PersonTerms.Vector("bench", person, text);
                    var role = position % 2 == 0 ? "user" : "assistant";
                    await copy.WriteAsync($"{Guid.CreateVersion7(at)}\t{id}\t{position}\t{position}\t{role}\t{text}\tcomplete\t{at:O}\t{terms}\n");
                }
        }
        await ExecuteAsync("VACUUM ANALYZE");

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 1200 };
            await command.ExecuteNonQueryAsync(cancel);
        }
    }

    private static string Text(Random random)
    {
        var text = new StringBuilder();
        for (var i = 0; i < InMessage; i++)
        {
            var place = Array.BinarySearch(Frequencies, random.NextDouble() * Frequencies[^1]);
            text.Append(Word(place < 0 ? ~place : place)).Append(' ');
        }
        return text.ToString();
    }

    /// <summary>Every third word is Chinese.</summary>
    private static string Word(int rank) => rank % 3 == 0
        ? $"{Seldom[rank % Seldom.Length]}{Seldom[rank * 7 / Seldom.Length % Seldom.Length]}"
        : $"w{(char)('a' + rank % 26)}{(char)('a' + rank / 26 % 26)}{(char)('a' + rank / 676)}x";

    private static double[] Sum(double[] values)
    {
        for (var i = 1; i < values.Length; i++)
            values[i] += values[i - 1];
        return values;
    }
}
