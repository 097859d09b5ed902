namespace Lyceum.Gateway.Records.Graph;

/// <summary>
/// The walk, breadth first, as one statement.
/// <para>
/// (1) A row of <c>walk</c> is a whole level: the nodes first reached at this depth, and all nodes reached so far. (2)
/// The next level has the nodes that an edge of the given types leads to and that no level has yet: so a node has its
/// least depth, and a cycle ends. (3) A level takes at most the nodes that the limit still allows, the lowest ids
/// first, and one more, by which truncation is detected. So the work is bounded by the edges of the answered nodes,
/// however dense the graph is. (4) The edges between the nodes come from the same snapshot.
/// </para>
/// Parameters: $1 tenant, $2 start, $3 depth, $4 edge types or null, $5 nodes, $6 edges. Columns: part (0 node, 1
/// edge), whether nodes were left out, depth, id or from, type, to, properties, seq, created_at.
/// </summary>
internal static class RecallQuery
{
    private const string OfTypes = "($4::text[] IS NULL OR e.type = ANY ($4))";
    private const string Out = $"SELECT e.to_id FROM repo_edges e WHERE e.tenant = $1 AND e.from_id = ANY (w.frontier) AND {OfTypes}";
    private const string In = $"SELECT e.from_id FROM repo_edges e WHERE e.tenant = $1 AND e.to_id = ANY (w.frontier) AND {OfTypes}";

    public static string For(Direction direction) => direction switch
    {
        Direction.Out => OutQuery,
        Direction.In => InQuery,
        _ => BothQuery,
    };

    private static readonly string OutQuery = Compose(Out);
    private static readonly string InQuery = Compose(In);
    private static readonly string BothQuery = Compose($"{Out} UNION ALL {In}");

    private static string Compose(string steps) =>
        $"""
         WITH RECURSIVE walk (depth, frontier, visited) AS (
             SELECT 0, array_agg(id ORDER BY id), array_agg(id ORDER BY id) FROM repo_records WHERE tenant = $1 AND id = ANY ($2)
             UNION ALL
             SELECT w.depth + 1, level.ids, w.visited || level.ids
             FROM walk w CROSS JOIN LATERAL (
                 SELECT array_agg(id ORDER BY id) AS ids FROM (
                     SELECT DISTINCT reached.id FROM ({steps}) AS reached(id)
                     WHERE NOT EXISTS (SELECT FROM unnest(w.visited) AS seen(id) WHERE seen.id = reached.id)
                     ORDER BY reached.id LIMIT $5 + 1 - cardinality(w.visited)) AS nearest) AS level
             WHERE w.depth < $3 AND level.ids IS NOT NULL),
         nodes AS MATERIALIZED (
             SELECT n.id, w.depth FROM walk w CROSS JOIN unnest(w.frontier) AS n(id) ORDER BY w.depth, n.id LIMIT $5)
         SELECT 0 AS part, (SELECT max(cardinality(visited)) > $5 FROM walk) AS more, n.depth, r.id, r.type, NULL AS other,
                r.properties::text, r.seq, r.created_at
         FROM nodes n JOIN repo_records r ON r.tenant = $1 AND r.id = n.id
         UNION ALL
         SELECT 1, false, 0, found.from_id, found.type, found.to_id, found.properties::text, found.seq, found.created_at
         FROM (
             SELECT e.* FROM nodes n JOIN repo_edges e ON e.tenant = $1 AND e.from_id = n.id
             WHERE e.to_id IN (SELECT id FROM nodes) AND {OfTypes}
             ORDER BY e.from_id, e.type, e.to_id LIMIT $6) AS found
         ORDER BY 1, 3, 4, 5, 6
         """;
}
