using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>Where an answer and its question stand in the tree of their conversation.</summary>
/// <param name="Parent">What the question follows; null: nothing.</param>
/// <param name="Leaf">The last message of the branch that is shown.</param>
/// <param name="Said">Messages of the conversation.</param>
public sealed record Branch(
    Guid Answer, Guid? Question, Guid? Parent, int Depth, int QuestionDepth, Guid Conversation, Guid? Leaf, long Said)
{
    private const string Select =
        """
        SELECT a.id, q.id, q.parent_id, a.depth, COALESCE(q.depth, -2), c.id, c.active_leaf_id,
               (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id)
        FROM messages a JOIN conversations c ON c.id = a.conversation_id
        LEFT JOIN messages q ON q.id = a.parent_id AND q.conversation_id = c.id AND q.role = 'user' AND q.position < a.position
        WHERE a.id = ANY ($1)
        """;

    /// <summary>Every branch is where it was asked for, whole, and nothing is there twice.</summary>
    /// <returns>What is wrong.</returns>
    public static async Task<List<string>> AuditAsync(
        SharedSystem system, IReadOnlyList<Question> asked, CancellationToken cancellationToken)
    {
        var all = await ReadAsync(system, [.. asked.Select(question => question.MessageId)], cancellationToken);
        var findings = new List<string>();
        foreach (var question in asked)
        {
            if (!all.TryGetValue(question.MessageId, out var branch))
                continue; // said elsewhere
            if (branch.Question is null || branch.Depth != branch.QuestionDepth + 1)
                Finding("its question is not before it");
            if (branch.Parent != question.ParentId)
                Finding($"its question follows {branch.Parent}, not {question.ParentId}");
            if (question.ParentId is { } parent && all.TryGetValue(parent, out var followed) && branch.QuestionDepth != followed.Depth + 1)
                Finding("a message is missing on its branch");
            if (question is { After: { } before, How: Follows.Anew } && all.TryGetValue(before.MessageId, out var first)
                && branch.Question != first.Question)
                Finding("it was asked anew, and answers another question");
            if (question.After is { } earlier && earlier.ConversationId != branch.Conversation)
                Finding("it is in another conversation");
            if (!asked.Any(other => other.After == question) && branch.Leaf != question.MessageId)
                Finding($"the branch that is shown ends at {branch.Leaf}");

            void Finding(string what) => findings.Add($"{question.MessageId} (seed {question.Seed}, {question.How}): {what}");
        }
        foreach (var conversation in all.Values.GroupBy(branch => branch.Conversation))
        {
            var expected = conversation.Count() + conversation.Select(branch => branch.Question).Distinct().Count();
            if (conversation.First().Said != expected)
                findings.Add($"conversation {conversation.Key} has {conversation.First().Said} messages, not {expected}");
        }
        return findings;
    }

    private static async Task<Dictionary<Guid, Branch>> ReadAsync(
        SharedSystem system, Guid[] answers, CancellationToken cancellationToken)
    {
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var command = new NpgsqlCommand(Select, connection);
        command.Parameters.Add(new() { Value = answers });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new Dictionary<Guid, Branch>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add(reader.GetGuid(0), new(
                reader.GetGuid(0), reader.GetValue(1) as Guid?, reader.GetValue(2) as Guid?, reader.GetInt32(3), reader.GetInt32(4),
                reader.GetGuid(5), reader.GetValue(6) as Guid?, reader.GetInt64(7)));
        }
        return all;
    }
}
