namespace Lyceum.AppHost.Infrastructure;

/// <summary>
/// The role of a database: it has the database's name, owns it and what is in it, and may do nothing else. A service that is
/// taken over has its own data and no more: no other database, no file of the server's, no program.
/// </summary>
internal static class DatabaseRole
{
    /// <summary>For the administrator, on any database. May be run again: the password is then the one given.</summary>
    public static string Script(string database, string password) =>
        $"""
        DO $$ BEGIN CREATE ROLE "{database}"; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        ALTER ROLE "{database}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
            PASSWORD '{password.Replace("'", "''", StringComparison.Ordinal)}';
        ALTER DATABASE "{database}" OWNER TO "{database}";
        REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;
        """;

    /// <summary>
    /// For the administrator, on the database itself: what is there becomes the role's. (REASSIGN OWNED does not work from the
    /// first superuser.) Sequences and indexes follow their tables.
    /// </summary>
    public static string TakeOverScript(string database) =>
        $"""
        ALTER SCHEMA public OWNER TO "{database}";
        DO $$
        DECLARE change text;
        BEGIN
            FOR change IN
                SELECT format('ALTER TABLE %s OWNER TO "{database}"', c.oid::regclass)
                FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
                  AND c.relowner <> '"{database}"'::regrole
                  AND NOT EXISTS (
                      SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
                UNION ALL
                SELECT format('ALTER ROUTINE %s OWNER TO "{database}"', p.oid::regprocedure)
                FROM pg_proc p
                WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> '"{database}"'::regrole
                  AND NOT EXISTS (
                      SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
            LOOP
                EXECUTE change;
            END LOOP;
        END $$;
        """;
}
