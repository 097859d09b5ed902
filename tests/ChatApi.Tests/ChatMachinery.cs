using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Persons;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Safety;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Leases;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Retention;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>
/// One replica's writing machinery (journal, lease, closer, runner) on a real database, without its HTTP face: what the
/// service itself registers, started.
/// </summary>
public sealed class ChatMachinery : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ChatMachinery(WebApplication app) => _app = app;

    /// <summary>Whose everything here is.</summary>
    public static Caller Caller { get; } = new("t", "o", CallerKind.User, new HashSet<string>());

    public GenerationJournal Journal => _app.Services.GetRequiredService<GenerationJournal>();
    public GenerationRunner Runner => _app.Services.GetRequiredService<GenerationRunner>();
    public GenerationRows Rows => _app.Services.GetRequiredService<GenerationRows>();
    public LeaseClock LeaseClock => _app.Services.GetRequiredService<LeaseClock>();
    public LeaseKeeper Lease => _app.Services.GetRequiredService<LeaseKeeper>();
    public RecordedHints Hints => (RecordedHints)_app.Services.GetRequiredService<IHints>();
    public IServiceProvider Services => _app.Services;
    public PersonErasure Erasure => _app.Services.GetRequiredService<PersonErasure>();
    public PersonEventReader Events => _app.Services.GetRequiredService<PersonEventReader>();
    public PersonEventRetention Retention => _app.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().OfType<PersonEventRetention>().Single();
    /// <summary>Carries out these settings.</summary>
    public RetentionSweep Sweep(params TenantRetention[] tenants) =>
        ActivatorUtilities.CreateInstance<RetentionSweep>(_app.Services, new Settings(tenants));

    private sealed class Settings(TenantRetention[] tenants) : IRetentionSource
    {
        // A page for each.
        public Task<RetentionPage> ReadAsync(string after, CancellationToken cancellationToken)
        {
            var next = tenants.FirstOrDefault(tenant => string.CompareOrdinal(tenant.Tenant, after) > 0);
            return Task.FromResult(new RetentionPage(next is null ? [] : [next], next?.Tenant));
        }
    }

    public PersonExport Export => _app.Services.GetRequiredService<PersonExport>();
    public NpgsqlDataSource Database => _app.Services.GetRequiredService<NpgsqlDataSource>();

    public static async Task<ChatMachinery> StartAsync(string connectionString, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration["ConnectionStrings:chatdb"] = connectionString;
        builder.Configuration["urls"] = "http://127.0.0.1:0";
        builder.Configuration["Identity:KeyFile"] = TestIdentity.KeyFile;
        builder.Configuration["Identity:JwksFile"] = TestIdentity.JwksFile;
        foreach (var (key, value) in settings)
            builder.Configuration[key] = value;
        builder.AddServiceDefaults();
        builder.AddPostgres<ChatDb>("chatdb");
        builder.Services.AddSingleton<IHints, RecordedHints>(); // in place of a broker
        builder.Services.AddSingleton<ConversationQuota>();
        builder.AddGeneration();
        builder.Services.AddSingleton<Recorders>();
        builder.AddPersons();
        builder.AddPersonEvents();
        builder.AddGrounding();
        builder.AddScreening();
        var machinery = new ChatMachinery(builder.Build());
        await machinery._app.StartAsync();
        await Eventually.TrueAsync(() => machinery.Lease.IsHeld, "the lease is held");
        return machinery;
    }

    /// <summary>The reader of the service.</summary>
    public AnswerReader Reader(StoredAnswers stored)
    {
        var remote = ActivatorUtilities.CreateInstance<RemoteAnswers>(_app.Services, stored);
        return ActivatorUtilities.CreateInstance<AnswerReader>(_app.Services, stored, remote);
    }

    /// <summary>Writes an answer in a place of the one whose everything is.</summary>
    public RunningGeneration Start(GenerationOrder order) =>
        Runner.Start(order, Runner.TryAdmit(Sharer.Of(Caller)).ShouldNotBeNull());

    /// <summary>Records a question as a replica with the lease of <paramref name="owner"/> would.</summary>
    public Task<RecordedQuestion> RecordAsync(
        Question question, Guid owner, AnswerGrounding? grounding = null, Uri? engine = null, Screened? screened = null) =>
        WithQuestionsAsync(store => store.RecordQuestionAsync(
            Caller, question, owner, engine ?? new Uri("http://127.0.0.1:9"), grounding, screened));

    public Screening Screening => _app.Services.GetRequiredService<Screening>();

    public async Task<T> WithSafetyAsync<T>(Func<SafetyStore, Task<T>> use)
    {
        await using var scope = _app.Services.CreateAsyncScope();
        return await use(scope.ServiceProvider.GetRequiredService<SafetyStore>());
    }

    public async Task<T> WithStoreAsync<T>(Func<ConversationStore, Task<T>> use)
    {
        await using var scope = _app.Services.CreateAsyncScope();
        return await use(ActivatorUtilities.CreateInstance<ConversationStore>(scope.ServiceProvider));
    }

    /// <summary>As <c>GET messages</c> has them: the active branch, or all.</summary>
    public async Task<List<MessageView>> MessagesAsync(Guid conversationId, bool all = false)
    {
        await using var scope = _app.Services.CreateAsyncScope();
        var conversations = ActivatorUtilities.CreateInstance<ConversationStore>(scope.ServiceProvider);
        var page = await ActivatorUtilities.CreateInstance<MessagePages>(scope.ServiceProvider, conversations)
            .ReadAsync(Caller, conversationId, all, null, 100, TestContext.Current.CancellationToken);
        return page.Messages.ConvertAll(message => MessageView.Of(message, page.Siblings));
    }

    public async Task<T> WithQuestionsAsync<T>(Func<QuestionStore, Task<T>> use)
    {
        await using var scope = _app.Services.CreateAsyncScope();
        var conversations = ActivatorUtilities.CreateInstance<ConversationStore>(scope.ServiceProvider);
        return await use(ActivatorUtilities.CreateInstance<QuestionStore>(scope.ServiceProvider, conversations));
    }

    /// <summary>A recorded question whose answer this replica (or <paramref name="owner"/>) writes; begun in the future, so
    /// that the sweep does not take it for one that nobody writes.</summary>
    public async Task<RunningGeneration> BeginAsync(Guid? owner = null)
    {
        var generation = new RunningGeneration(
            Guid.CreateVersion7(), Guid.CreateVersion7(), owner ?? Lease.OwnerId, 1, new AnswerText())
        {
            Engine = new Uri("http://127.0.0.1:9"),
        };
        await ExecuteAsync(
            """
            INSERT INTO conversations VALUES ($1, 't', 'o', 'title', now(), now());
            """, generation.ConversationId);
        await ExecuteAsync(
            "INSERT INTO messages (id, conversation_id, position, role, content, status, created_at) VALUES ($1, $2, 1, 'assistant', '', 'streaming', now())",
            generation.Id, generation.ConversationId);
        await ExecuteAsync(
            "INSERT INTO generations (id, owner, epoch, engine_url, started_at, stops_on_disconnect) VALUES ($1, $2, 1, 'http://127.0.0.1:9', now() + interval '1 hour', false)", generation.Id, generation.Owner);
        return generation;
    }

    /// <summary>Appends and waits for the commit.</summary>
    public async Task WriteAsync(RunningGeneration generation, string text)
    {
        generation.Text.Append(text);
        Journal.Enqueue(generation);
        await Eventually.TrueAsync(() => generation.Text.Committed == generation.Text.Written, "the text is committed");
    }

    public static string Shown(RunningGeneration generation) =>
        Encoding.UTF8.GetString(generation.Text.Read(0, int.MaxValue).Span);

    public async Task<string> ChunksAsync(Guid id) => (string)(await ScalarAsync(
        "SELECT COALESCE(string_agg(body, '' ORDER BY byte_offset), '') FROM generation_chunks WHERE generation_id = $1", id))!;

    public async Task<(string Status, string? Reason, string Content)> MessageAsync(Guid id)
    {
        await using var command = Database.CreateCommand("SELECT status, finish_reason, content FROM messages WHERE id = $1");
        command.Parameters.Add(new() { Value = id });
        await using var reader = await command.ExecuteReaderAsync();
        (await reader.ReadAsync()).ShouldBeTrue();
        return (reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetString(2));
    }

    public async Task<object?> ScalarAsync(string sql, params object[] values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync();
    }

    public Task ExecuteAsync(string sql, params object[] values) => ScalarAsync(sql, values);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>What was published.</summary>
public sealed class RecordedHints : IHints
{
    public ConcurrentQueue<object> Published { get; } = new();

    public void Publish<T>(T message) where T : class => Published.Enqueue(message);
}

/// <summary>A key of this test run, in the files that AppHost would write.</summary>
internal static class TestIdentity
{
    private static readonly string Folder = Directory.CreateTempSubdirectory("lyceum-chat-keys-").FullName;

    public static string KeyFile { get; } = Path.Combine(Folder, "chat-api.pem");
    public static string JwksFile { get; } = Path.Combine(Folder, "internal-jwks.json");

    static TestIdentity()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        var id = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];
        File.WriteAllText(JwksFile, JsonSerializer.Serialize(new
        {
            keys = new[]
            {
                new
                {
                    kty = "EC", crv = "P-256", use = "sig", alg = "ES256", kid = $"chat-api-{id}",
                    x = Base64Url.EncodeToString(point.X), y = Base64Url.EncodeToString(point.Y),
                },
            },
        }));
    }
}
