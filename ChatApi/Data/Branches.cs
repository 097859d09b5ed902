namespace Lyceum.ChatApi.Data;

/// <summary>
/// Messages of a conversation are a tree: a question follows an answer, or nothing; an answer follows a question. The version
/// before inserts messages without depth, each after the last by position, which it takes for the only branch. They count as
/// the end of that branch, and whoever changes the tree first links them, under the conversation's row lock.
/// </summary>
public static class Branches
{
    /// <summary>What a message follows, as SQL, linked or not.</summary>
    /// <param name="message">The message's alias.</param>
    public static string Parent(string message) =>
        $"""
         CASE WHEN {message}.depth IS NULL THEN (
             SELECT before.id FROM messages before
             WHERE before.conversation_id = {message}.conversation_id AND before.position = {message}.position - 1)
         ELSE {message}.parent_id END
         """;

    /// <summary>The last message of the branch that is shown, as SQL.</summary>
    /// <param name="conversation">The conversation's alias.</param>
    public static string Leaf(string conversation) =>
        $"""
         COALESCE((SELECT last.id FROM messages last WHERE last.conversation_id = {conversation}.id AND last.depth IS NULL
                   ORDER BY last.position DESC LIMIT 1), {conversation}.active_leaf_id)
         """;

    /// <summary>Links what the version before wrote in conversation <c>$1</c> of tenant <c>$2</c> and person <c>$3</c>.</summary>
    public const string Link =
        """
        WITH last AS (
            SELECT id, depth FROM messages WHERE conversation_id = $1 AND depth IS NOT NULL ORDER BY position DESC LIMIT 1),
        unlinked AS (
            SELECT m.id, lag(m.id) OVER place AS before, (row_number() OVER place)::int AS number
            FROM messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE m.conversation_id = $1 AND m.depth IS NULL AND c.tenant = $2 AND c.owner = $3
            WINDOW place AS (ORDER BY m.position)),
        linked AS (
            UPDATE messages m SET parent_id = COALESCE(u.before, (SELECT id FROM last)),
                depth = COALESCE((SELECT depth FROM last), -1) + u.number
            FROM unlinked u WHERE m.id = u.id RETURNING m.id, m.position)
        UPDATE conversations SET active_leaf_id = (SELECT id FROM linked ORDER BY position DESC LIMIT 1)
        WHERE id = $1 AND EXISTS (SELECT 1 FROM linked)
        """;
}
