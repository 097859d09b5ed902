using System.Globalization;
using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.Knowledge;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Classes;

/// <param name="FiguresHidden">Some numbers are null, because they are about fewer than <paramref name="FiguresFrom"/> students.</param>
/// <param name="FiguresFrom">Students that a group must have for its numbers to be shown.</param>
/// <param name="Considered">Questions that these groups are made of, the newest; null where it is hidden.</param>
/// <param name="IsComplete">False: there are older questions, which were not considered.</param>
/// <param name="Unanswered">What no passage answered; on the first page alone.</param>
/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record QuestionGroups(
    Guid ClassId, bool FiguresHidden, int FiguresFrom, int? Considered, bool IsComplete, List<QuestionGroup> Groups,
    QuestionGroup? Unanswered, string? NextCursor);

/// <summary>Questions whose answers rest on one passage.</summary>
/// <param name="PassageId">Null: on none.</param>
/// <param name="Title">The headings that the passage stands under, or its document's name.</param>
/// <param name="Source">The document's name.</param>
/// <param name="Questions">How many; null where it is hidden, as with <paramref name="Students"/>.</param>
/// <param name="Students">Who asked them.</param>
/// <param name="Asked">The last of them, newest first.</param>
public sealed record QuestionGroup(
    string? PassageId, string? Title, string? Source, DateTimeOffset LastAskedAt, int? Questions, int? Students, List<AskedQuestion> Asked);

/// <param name="Text">At most 500 UTF-16 units.</param>
public sealed record AskedQuestion(string Text, DateTimeOffset At);

/// <summary>
/// Groups what the students of a class asked its shared tutors. A question counts once, however often it was answered anew; of its
/// answers the newest that has ended says what it rests on.
/// </summary>
public sealed class ClassQuestions(NpgsqlDataSource source)
{
    /// <summary>No figures of a group of fewer students.</summary>
    public const int FiguresFrom = 5;

    /// <summary>The newest questions of a class are considered.</summary>
    private const int MaxConsidered = 5000;

    /// <summary>Of a group, so many questions are shown.</summary>
    private const int MaxAsked = 10;

    private const int MaxText = 500;

    // $1 tenant, $2 class, $3 tutors, $4 students and since when ($5) each may be seen.
    private const string Asked =
        """
        WITH answers AS (
            SELECT DISTINCT ON (m.parent_id) m.parent_id AS question_id, c.owner, m.created_at, m.sources, m.grounding
            FROM (SELECT * FROM messages WHERE class_id = $2 ORDER BY created_at DESC LIMIT $6) m
            JOIN conversations c ON c.id = m.conversation_id
            JOIN unnest($4, $5) AS s(subject, since) ON s.subject = c.owner
            WHERE c.tenant = $1 AND m.role = 'assistant' AND m.status <> 'streaming' AND m.tutor_id = ANY ($3)
              AND m.moderation IS DISTINCT FROM 'refused'
              AND m.parent_id IS NOT NULL AND m.created_at >= s.since
            ORDER BY m.parent_id, m.created_at DESC),
        rests AS (
            SELECT a.question_id, a.owner, a.created_at, p->>'id' AS passage, p->>'title' AS title, p->>'source' AS document
            FROM answers a CROSS JOIN LATERAL jsonb_array_elements(COALESCE(a.sources, '[]')) p
            WHERE p->>'cited' = 'true' AND p->>'id' IS NOT NULL)
        """;

    private const string Groups =
        $"""
         {Asked}
         SELECT r.passage, min(r.title), min(r.document), max(r.created_at), count(*)::int, count(DISTINCT r.owner)::int,
                (array_agg(r.question_id ORDER BY r.created_at DESC))[1:$10],
                (SELECT count(*)::int FROM answers), (SELECT count(DISTINCT owner)::int FROM answers)
         FROM rests r GROUP BY r.passage
         HAVING $7::timestamptz IS NULL OR (max(r.created_at), r.passage) < ($7, $8)
         ORDER BY max(r.created_at) DESC, r.passage DESC LIMIT $9
         """;

    private const string Rest =
        $"""
         {Asked}
         SELECT max(a.created_at), count(*)::int, count(DISTINCT a.owner)::int,
                (array_agg(a.question_id ORDER BY a.created_at DESC))[1:$7],
                (SELECT count(*)::int FROM answers), (SELECT count(DISTINCT owner)::int FROM answers),
                (SELECT count(*) FROM (SELECT 1 FROM messages WHERE class_id = $2 LIMIT $6 + 1) m) > $6
         FROM answers a
         WHERE a.grounding IS NOT NULL AND NOT EXISTS (SELECT 1 FROM rests r WHERE r.question_id = a.question_id)
         """;

    /// <param name="roll">Who may be seen, and with which tutors.</param>
    internal Task<QuestionGroups> ReadAsync(
        string tenant, ClassRoll roll, PageCursor? after, int limit, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(async _ =>
        {
            var (groups, next) = await GroupsAsync(tenant, roll, after, limit, cancellationToken);
            var (unanswered, considered, students, isComplete) = await RestAsync(tenant, roll, cancellationToken);
            var shown = groups.Concat(after is null && unanswered is not null ? [unanswered] : []).ToList();
            var texts = await TextsAsync(tenant, [.. shown.SelectMany(group => group.Newest).Distinct()], cancellationToken);
            var isHidden = students < FiguresFrom || shown.Exists(group => group.Students < FiguresFrom);
            return new QuestionGroups(
                roll.Id, isHidden, FiguresFrom, students < FiguresFrom ? null : considered, isComplete,
                groups.ConvertAll(group => View(group, texts)),
                after is null && unanswered is not null ? View(unanswered, texts) : null, next);
        });

    private async Task<(List<Group> Groups, string? Next)> GroupsAsync(
        string tenant, ClassRoll roll, PageCursor? after, int limit, CancellationToken cancellationToken)
    {
        await using var command = Command(Groups, tenant, roll);
        command.Parameters.Add(new() { Value = after?.At ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = after?.Id ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = limit + 1 });
        command.Parameters.Add(new() { Value = MaxAsked });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var groups = new List<Group>();
        while (await reader.ReadAsync(cancellationToken))
        {
            groups.Add(new(
                reader.GetString(0), reader.GetValue(1) as string, reader.GetValue(2) as string,
                new DateTimeOffset(reader.GetDateTime(3)), reader.GetInt32(4), reader.GetInt32(5), (Guid[])reader.GetValue(6)));
        }
        if (groups.Count <= limit)
            return (groups, null);
        groups.RemoveAt(limit);
        return (groups, new PageCursor(groups[^1].At, groups[^1].Passage!).ToString());
    }

    private async Task<(Group? Unanswered, int Considered, int Students, bool IsComplete)> RestAsync(
        string tenant, ClassRoll roll, CancellationToken cancellationToken)
    {
        await using var command = Command(Rest, tenant, roll);
        command.Parameters.Add(new() { Value = MaxAsked });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var group = reader.GetInt32(1) == 0 ? null : new Group(
            null, null, null, new DateTimeOffset(reader.GetDateTime(0)), reader.GetInt32(1), reader.GetInt32(2),
            (Guid[])reader.GetValue(3));
        return (group, reader.GetInt32(4), reader.GetInt32(5), !reader.GetBoolean(6));
    }

    private async Task<Dictionary<Guid, AskedQuestion>> TextsAsync(string tenant, Guid[] questions, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            """
            SELECT m.id, left(m.content, $3), m.created_at FROM messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE m.id = ANY ($1) AND c.tenant = $2 AND m.role = 'user'
            """);
        command.Parameters.Add(new() { Value = questions });
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = MaxText });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var texts = new Dictionary<Guid, AskedQuestion>();
        while (await reader.ReadAsync(cancellationToken))
            texts[reader.GetGuid(0)] = new(reader.GetString(1), new DateTimeOffset(reader.GetDateTime(2)));
        return texts;
    }

    private NpgsqlCommand Command(string sql, string tenant, ClassRoll roll)
    {
        // What SessionApi says of visibility is checked here too: nothing else of a student is theirs to see.
        var students = roll.Students.Where(student => student.Visibility == Visibility.Conversations).ToList();
        var tutors = roll.Shares.Where(share => share.Kind == SharedKind.Tutor)
            .Select(share => int.TryParse(share.Id, CultureInfo.InvariantCulture, out var id) ? id : -1);
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = roll.Id });
        command.Parameters.Add(new() { Value = tutors.ToArray() });
        command.Parameters.Add(new() { Value = students.Select(student => student.Subject).ToArray() });
        command.Parameters.Add(new()
        {
            Value = students.Select(student => (student.Since ?? DateTimeOffset.UnixEpoch).UtcDateTime).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        });
        command.Parameters.Add(new() { Value = MaxConsidered });
        return command;
    }

    private static QuestionGroup View(Group group, Dictionary<Guid, AskedQuestion> texts)
    {
        var isHidden = group.Students < FiguresFrom;
        return new(
            group.Passage, group.Title, group.Document, group.At, isHidden ? null : group.Questions, isHidden ? null : group.Students,
            [.. group.Newest.Select(id => texts.GetValueOrDefault(id)).OfType<AskedQuestion>()]);
    }

    private sealed record Group(
        string? Passage, string? Title, string? Document, DateTimeOffset At, int Questions, int Students, Guid[] Newest);
}
