namespace Lyceum.Tests.Support.Postgres;

/// <summary>Faults of the database, made with a trigger: SQL for a test to run.</summary>
public static class Refusal
{
    /// <summary>
    /// Postgres refuses, with the code <paramref name="sqlState"/>, every row of <paramref name="table"/> for which the
    /// condition on <c>NEW</c> holds.
    /// </summary>
    public static string Of(string table, string condition, string sqlState) =>
        $"""
        CREATE OR REPLACE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
            IF {condition} THEN RAISE EXCEPTION 'refused by the test' USING ERRCODE = '{sqlState}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_{table}()
        """;

    public static string Lifted(string table) => $"DROP TRIGGER refuse ON {table}";
}
