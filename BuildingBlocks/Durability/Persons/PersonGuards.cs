using Microsoft.EntityFrameworkCore.Migrations;

namespace Lyceum.Durability.Persons;

/// <summary>How a guard treats a late row.</summary>
public enum GuardMode
{
    /// <summary>The statement fails (<see cref="ErasedPersons.Refused"/>): somebody waits for its answer.</summary>
    Refuse,

    /// <summary>The row is dropped, and the statement's others are written.</summary>
    Drop,
}

/// <summary>
/// Guards in the database: no row of an erased person gets in, whoever writes it. A guard costs an inserted row one look
/// at the tombstones' primary key.
/// </summary>
public static class PersonGuards
{
    /// <summary>The prefix of the triggers' names.</summary>
    public const string Prefix = "guard_";

    /// <summary>Of a table with a tenant and a column that names a person. In the migration that makes the table.</summary>
    public static void GuardPersons(
        this MigrationBuilder migration, string table, string column, GuardMode mode = GuardMode.Refuse) =>
        migration.GuardPersons(table, column, "NEW.tenant", $"NEW.{column}", mode);

    /// <summary>The same, where expressions say whose row it is.</summary>
    public static void GuardPersons(
        this MigrationBuilder migration, string table, string column, string tenant, string person, GuardMode mode)
    {
        ArgumentNullException.ThrowIfNull(migration);
        var name = $"{Prefix}{table}_{column}";
        var late = mode == GuardMode.Drop
            ? "RETURN NULL;"
            : $"RAISE EXCEPTION 'this person was deleted' USING ERRCODE = '{ErasedPersons.Refused}';";
        migration.Sql(
            $"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $guard$
            BEGIN
                IF EXISTS (SELECT FROM erased_persons WHERE tenant = {tenant} AND person = {person}) THEN
                    {late}
                END IF;
                RETURN NEW;
            END $guard$;
            CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
            """);
    }

    /// <summary>In the migration's <c>Down</c>, before its table goes.</summary>
    public static void UnguardPersons(this MigrationBuilder migration, string table, string column)
    {
        ArgumentNullException.ThrowIfNull(migration);
        migration.Sql($"DROP TRIGGER {Prefix}{table}_{column} ON {table}; DROP FUNCTION {Prefix}{table}_{column}();");
    }
}
