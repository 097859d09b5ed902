using System.Text;
using System.Text.Json;
using Lyceum.ChatApi.Conversations;
using Lyceum.Durability.Postgres;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Titles;

/// <summary>
/// Asks a model for the title of a conversation once something in it is answered, on behalf of the person, whom it is charged
/// to. What is due stands in the conversation (<c>title_due_at</c>), set with its question: a replica claims it by moving that
/// time on, which is also what its write is checked against. So a replica that dies costs a later attempt and nothing else, and a
/// title that a person gave meanwhile stays. Without a model nothing is asked.
/// </summary>
public sealed partial class TitleMaker(
    NpgsqlDataSource source, DatabaseReady ready, CompletionsClient engines, IOptions<TitleOptions> options, TimeProvider time,
    ILogger<TitleMaker> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>How long an attempt holds its conversation, and the pause before the next where it failed.</summary>
    private static readonly TimeSpan Attempt = TimeSpan.FromMinutes(5);

    // Where an answer is being written its end is waited for.
    private const string Claim =
        """
        UPDATE conversations c SET title_due_at = clock_timestamp() + $2, title_tries = title_tries + 1
        WHERE c.id IN (
            SELECT d.id FROM conversations d
            WHERE d.title_due_at <= clock_timestamp() AND NOT EXISTS (
                SELECT 1 FROM messages m WHERE m.conversation_id = d.id AND m.status = 'streaming')
            ORDER BY d.title_due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING c.id, c.tenant, c.owner, c.title_due_at,
            (SELECT m.id FROM messages m WHERE m.conversation_id = c.id AND m.role = 'assistant' AND m.status = 'complete'
               AND m.content <> '' ORDER BY m.position LIMIT 1)
        """;

    private const string Said =
        """
        SELECT q.content, left(a.content, 4000) FROM messages a JOIN messages q ON q.conversation_id = a.conversation_id
        WHERE a.id = $1 AND q.role = 'user' AND q.position < a.position ORDER BY q.position DESC LIMIT 1
        """;

    private const string Store =
        """
        UPDATE conversations SET title = $3, title_source = 'model', title_terms = $4::tsvector, title_due_at = NULL
        WHERE id = $1 AND title_due_at = $2 AND title_source = 'made'
        """;

    // Nothing answered, or no model: with the next question it is due again, and this was no attempt.
    private const string Leave =
        "UPDATE conversations SET title_due_at = NULL, title_tries = title_tries - 1 WHERE id = $1 AND title_due_at = $2";

    private const string GiveUp =
        "UPDATE conversations SET title_due_at = NULL WHERE id = $1 AND title_due_at = $2 AND title_tries >= $3";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled)
            return;
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                while (await MakeAsync(stoppingToken) == options.Value.MaxAtOnce)
                {
                    // There may be more.
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested && DatabaseFailures.Find(e) is not null)
            {
                LogRetry(e.Message);
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    /// <summary>Claims what is due and makes its titles.</summary>
    /// <returns>How many were claimed.</returns>
    internal async Task<int> MakeAsync(CancellationToken cancellationToken)
    {
        var due = new List<Due>();
        await using (var command = source.CreateCommand(Claim))
        {
            command.Parameters.Add(new() { Value = options.Value.MaxAtOnce });
            command.Parameters.Add(new() { Value = Attempt });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                due.Add(new(
                    reader.GetGuid(0), reader.GetString(1), reader.GetString(2), new DateTimeOffset(reader.GetDateTime(3)),
                    reader.GetValue(4) as Guid?));
            }
        }
        await Task.WhenAll(due.Select(conversation => MakeAsync(conversation, cancellationToken)));
        return due.Count;
    }

    private async Task MakeAsync(Due due, CancellationToken cancellationToken)
    {
        if (due.Answer is not { } answer || await SaidAsync(answer, cancellationToken) is not var (question, text)
            || engines.PickEngine() is not { } engine)
        {
            await ExecuteAsync(Leave, due, null, cancellationToken);
            return;
        }
        try
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            bound.CancelAfter(options.Value.Timeout);
            if (!await HasModelAsync(engine, due, bound.Token))
            {
                await ExecuteAsync(Leave, due, null, cancellationToken);
                return;
            }
            if (TitlePrompt.Read(await AskAsync(question, text, due, bound.Token)) is not { } made)
                throw new MalformedTitleException();
            var title = ConversationStore.TitleOf(made);
            await using var command = source.CreateCommand(Store);
            foreach (var value in (object[])[due.Id, due.Until, title, PersonTerms.Vector(due.Tenant, due.Owner, title)])
                command.Parameters.Add(new() { Value = value });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && DatabaseFailures.Find(e) is null
            && e is EngineException or HttpRequestException or IOException or MalformedStreamException or OperationCanceledException
                or JsonException or MalformedTitleException)
        {
            LogNoTitle(due.Id, e is EngineException { Error.Code: var code } ? code : e.GetType().Name); // no words of a model
            await ExecuteAsync(GiveUp, due, TitleOptions.MaxTries, cancellationToken);
        }
    }

    private async Task<(string Question, string Answer)?> SaidAsync(Guid answer, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Said);
        command.Parameters.Add(new() { Value = answer });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? (reader.GetString(0), reader.GetString(1)) : null;
    }

    /// <summary>Primer quotes passages; it makes no titles.</summary>
    private async Task<bool> HasModelAsync(Uri engine, Due due, CancellationToken cancellationToken)
    {
        var models = await engines.ListModelsAsync(engine, engines.TokenFor(due.Tenant, due.Owner), cancellationToken);
        return models.Any(model => !(model.TryGetProperty("lyceum", out var own) && own.ValueKind == JsonValueKind.Object
            && own.TryGetProperty("kind", out var kind) && kind.ValueKind == JsonValueKind.String && kind.ValueEquals("primer")));
    }

    private async Task<string> AskAsync(string question, string answer, Due due, CancellationToken cancellationToken)
    {
        using var response = await engines.AskAsync(
            TitlePrompt.Of(question, answer), engines.TokenFor(due.Tenant, due.Owner), cancellationToken);
        var text = new StringBuilder();
        await foreach (var chunk in CompletionsClient.ReadAsync(response, cancellationToken))
        {
            if (chunk.Error is { } error)
                throw new EngineException(error);
            text.Append(chunk.Text);
            if (text.Length > MaxAnswer)
                throw new MalformedTitleException();
        }
        return text.ToString();
    }

    /// <summary>UTF-16 units.</summary>
    private const int MaxAnswer = 4000;

    private async Task ExecuteAsync(string sql, Due due, object? more, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        command.Parameters.Add(new() { Value = due.Id });
        command.Parameters.Add(new() { Value = due.Until });
        if (more is not null)
            command.Parameters.Add(new() { Value = more });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>A conversation that was claimed.</summary>
    /// <param name="Until">What its row is claimed by.</param>
    /// <param name="Answer">The first that is complete; null: none is.</param>
    private sealed record Due(Guid Id, string Tenant, string Owner, DateTimeOffset Until, Guid? Answer);

    private sealed class MalformedTitleException() : Exception("The model wrote no title.");

    [LoggerMessage(LogLevel.Information, "Conversation {ConversationId} keeps its title, the model made none: {Reason}")]
    private partial void LogNoTitle(Guid conversationId, string reason);

    [LoggerMessage(LogLevel.Warning, "Titles not made, retrying: {Reason}")]
    private partial void LogRetry(string reason);
}

public static class TitleRegistration
{
    public static WebApplicationBuilder AddTitles(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<TitleOptions>().BindConfiguration(TitleOptions.Section)
            .Validate(o => o.MaxAtOnce is > 0 and <= 100, "Titles:MaxAtOnce must be between 1 and 100")
            .Validate(o => o.Timeout > TimeSpan.Zero && o.Timeout <= TimeSpan.FromMinutes(4), "Titles:Timeout must be above 0 and at most 4 minutes")
            .ValidateOnStart();
        builder.Services.AddHostedService<TitleMaker>();
        return builder;
    }
}
