using Microsoft.EntityFrameworkCore.Migrations;

namespace Lyceum.Durability.Events;

/// <summary>
/// The database itself tells persons of changes (docs/adr/0045): a trigger cannot be forgotten by the next statement that
/// changes a table. It runs once for a statement, however many rows that changes, and takes the heads of all persons in one
/// order, so that two statements never wait for each other in a circle.
/// </summary>
public static class PersonEventTriggers
{
    private const string Prefix = "tell_";

    // $1 to $4 are of one length: whose, and what happened, in the order it did.
    private const string Tell =
        """
        CREATE FUNCTION tell_persons(tenants text[], persons text[], kinds text[], data jsonb[]) RETURNS void
        LANGUAGE sql AS $tell$
            WITH told AS (
                SELECT tenant, person, kind, datum,
                       row_number() OVER (PARTITION BY tenant, person ORDER BY n) AS nth
                FROM unnest(tenants, persons, kinds, data) WITH ORDINALITY AS u(tenant, person, kind, datum, n)
                WHERE person <> '' AND NOT EXISTS (
                    SELECT FROM erased_persons e WHERE e.tenant = u.tenant AND e.person = u.person)),
            heads AS (
                INSERT INTO person_event_heads AS h (tenant, person, number)
                SELECT tenant, person, count(*) FROM told GROUP BY tenant, person ORDER BY tenant, person
                ON CONFLICT (tenant, person) DO UPDATE SET number = h.number + EXCLUDED.number
                RETURNING tenant, person, number)
            INSERT INTO person_events (tenant, person, number, kind, data, at)
            SELECT tenant, person, h.number + nth - max(nth) OVER (PARTITION BY tenant, person), kind, datum, clock_timestamp()
            FROM told JOIN heads h USING (tenant, person)
        $tell$;
        """;

    /// <summary>The function that triggers use; in the migration that makes the tables.</summary>
    public static void AddPersonEventFunction(this MigrationBuilder migration)
    {
        ArgumentNullException.ThrowIfNull(migration);
        migration.Sql(Tell);
    }

    public static void DropPersonEventFunction(this MigrationBuilder migration)
    {
        ArgumentNullException.ThrowIfNull(migration);
        migration.Sql("DROP FUNCTION tell_persons(text[], text[], text[], jsonb[]);");
    }

    /// <summary>Has persons told of what a kind of statement does to a table.</summary>
    /// <param name="migration">The migration.</param>
    /// <param name="table">The table.</param>
    /// <param name="statement"><c>INSERT</c>, <c>UPDATE</c> or <c>DELETE</c>.</param>
    /// <param name="select">
    /// Columns tenant, person, kind and data (jsonb), from <c>n</c>, the rows as they are now, and <c>o</c>, as they were.
    /// </param>
    public static void TellPersons(this MigrationBuilder migration, string table, string statement, string select)
    {
        ArgumentNullException.ThrowIfNull(migration);
        var name = $"{Prefix}{table}_{statement.ToLowerInvariant()}";
        var rows = statement switch
        {
            "INSERT" => "NEW TABLE AS n",
            "DELETE" => "OLD TABLE AS o",
            _ => "OLD TABLE AS o NEW TABLE AS n",
        };
        migration.Sql(
            $"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $told$
            DECLARE
                t text[]; p text[]; k text[]; d jsonb[];
            BEGIN
                SELECT array_agg(tenant), array_agg(person), array_agg(kind), array_agg(data) INTO t, p, k, d
                FROM ({select}) AS s(tenant, person, kind, data);
                IF t IS NOT NULL THEN
                    PERFORM tell_persons(t, p, k, d);
                END IF;
                RETURN NULL;
            END $told$;
            CREATE TRIGGER {name} AFTER {statement} ON {table} REFERENCING {rows}
                FOR EACH STATEMENT EXECUTE FUNCTION {name}();
            """);
    }

    public static void StopTellingPersons(this MigrationBuilder migration, string table, string statement)
    {
        ArgumentNullException.ThrowIfNull(migration);
        var name = $"{Prefix}{table}_{statement.ToLowerInvariant()}";
        migration.Sql($"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();");
    }
}
