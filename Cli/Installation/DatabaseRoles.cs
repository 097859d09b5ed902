using System.Text;

namespace Lyceum.Cli.Installation;

/// <summary>
/// <c>roles.sql</c>, for psql as the server's administrator: the four databases, each with a role that has its name, owns it and
/// may do nothing else. Passwords come from the environment. May be run again: the passwords are then the ones given.
/// </summary>
internal static class DatabaseRoles
{
    public static string PasswordVariable(string database) => $"{database.ToUpperInvariant()}_PASSWORD";

    public static string Script()
    {
        var sql = new StringBuilder(
            """
            -- Made by `lyceum generate`. For psql 15 or newer, as the administrator, with secrets/postgres.env in the environment; may be run again.
            \set ON_ERROR_STOP on

            """);
        foreach (var database in Services.All.Select(service => service.Database).OfType<string>())
        {
            sql.Append(
                $"""

                \getenv password {PasswordVariable(database)}
                SELECT 'CREATE ROLE {database}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{database}') \gexec
                ALTER ROLE {database} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
                SELECT 'CREATE DATABASE {database} OWNER {database} TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
                    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \gexec
                ALTER DATABASE {database} OWNER TO {database};
                REVOKE ALL ON DATABASE {database} FROM PUBLIC;
                \unset password

                """);
        }
        return sql.ToString();
    }
}
