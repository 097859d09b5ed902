using System.Text.Json;
using Npgsql;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>Where the databases are: the same settings that the services have (<c>ConnectionStrings__chatdb</c>, …).</summary>
internal sealed class Connections
{
    /// <summary>
    /// In the order in which dumps look at them: one that refers to another comes before it, so that what is referred to is there.
    /// Accounts, tutors and classes are in the last.
    /// </summary>
    public static readonly string[] Databases = ["gatewaydb", "roadmapdb", "chatdb", "sessiondb"];

    private const string Server = "postgres";
    private const string Prefix = "ConnectionStrings__";

    private readonly Dictionary<string, string> _strings = [];

    /// <summary>
    /// From the environment, else from <paramref name="settingsFile"/>, else from <c>state.json</c> of the data folder, which says
    /// where a system's databases are that <c>run.sh</c> started, else with the passwords in its <c>secrets.json</c>.
    /// </summary>
    /// <param name="settingsFile">Lines <c>NAME=VALUE</c>, as systemd and compose read them.</param>
    /// <param name="server">HOST:PORT, for the last.</param>
    public static Connections Read(string? settingsFile, string? dataFolder, string server)
    {
        var connections = new Connections();
        if (dataFolder is not null && Path.Combine(dataFolder, "secrets.json") is var secrets && File.Exists(secrets))
            connections.AddSecrets(secrets, server);
        if (dataFolder is not null && Path.Combine(dataFolder, "state.json") is var state && File.Exists(state))
            connections.AddState(state);
        if (settingsFile is not null)
            connections.AddFile(settingsFile);
        foreach (var name in Databases.Append(Server))
        {
            if (Environment.GetEnvironmentVariable(Prefix + name) is { Length: > 0 } value)
                connections._strings[name] = value;
        }
        return connections;
    }

    /// <summary>Those that are given, by name.</summary>
    public static Connections Of(IReadOnlyDictionary<string, string> strings)
    {
        var connections = new Connections();
        foreach (var (name, value) in strings)
            connections._strings[name] = value;
        return connections;
    }

    /// <summary>The administrator's connection; null: there is none, and the server's files are not ours to copy.</summary>
    public NpgsqlConnectionStringBuilder? Administrator =>
        _strings.TryGetValue(Server, out var value) ? Parse(Server, value, Server) : null;

    /// <exception cref="UsageException">It is not said where this database is.</exception>
    public NpgsqlConnectionStringBuilder Of(string database)
    {
        if (_strings.TryGetValue(database, out var value))
            return Parse(database, value, database);
        // A server of the operator's has one account for all of them.
        return _strings.TryGetValue(Server, out value)
            ? Parse(Server, value, database)
            : throw new UsageException(
                $"where is {database}? Set {Prefix}{database} (or {Prefix}{Server}) in the environment or in the file of --settings, " +
                "or name the data folder of a running system with --data");
    }

    /// <summary>The same connection as PostgreSQL's own programs take it.</summary>
    public static Dictionary<string, string> ToEnvironment(NpgsqlConnectionStringBuilder settings)
    {
        var hosts = (settings.Host ?? "localhost").Split(',').Select(host => host.Trim()).ToArray();
        // Npgsql's "host:port"; an IPv6 address has more than one colon, and none of Npgsql's hosts has both.
        var (names, ports) = (new List<string>(), new List<int>());
        foreach (var host in hosts)
        {
            var colon = host.LastIndexOf(':');
            var hasPort = colon > 0 && host.IndexOf(':', StringComparison.Ordinal) == colon && int.TryParse(host.AsSpan(colon + 1), out _);
            names.Add(hasPort ? host[..colon] : host);
            ports.Add(hasPort ? int.Parse(host.AsSpan(colon + 1)) : settings.Port);
        }
        var variables = new Dictionary<string, string>
        {
            ["PGHOST"] = string.Join(',', names),
            ["PGPORT"] = string.Join(',', ports),
            ["PGUSER"] = settings.Username ?? "postgres",
            ["PGDATABASE"] = settings.Database ?? "postgres",
            ["PGAPPNAME"] = "lyceum backup",
            ["PGCONNECT_TIMEOUT"] = "30",
            ["PGSSLMODE"] = settings.SslMode switch
            {
                SslMode.Disable => "disable",
                SslMode.Allow => "allow",
                SslMode.Require => "require",
                SslMode.VerifyCA => "verify-ca",
                SslMode.VerifyFull => "verify-full",
                _ => "prefer",
            },
        };
        Add("PGPASSWORD", settings.Password);
        Add("PGPASSFILE", settings.Passfile);
        Add("PGSSLROOTCERT", settings.RootCertificate);
        Add("PGSSLCERT", settings.SslCertificate);
        Add("PGSSLKEY", settings.SslKey);
        if (names.Count > 1)
            variables["PGTARGETSESSIONATTRS"] = "read-write";
        return variables;

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                variables[name] = value;
        }
    }

    private static NpgsqlConnectionStringBuilder Parse(string name, string value, string database)
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(value)
            {
                Pooling = false,
                ApplicationName = "lyceum backup",
                // A dump may take longer than any statement of a service.
                CommandTimeout = 0,
            };
            settings.Remove("Minimum Pool Size");
            settings.Remove("Maximum Pool Size");
            settings.Database ??= database;
            if (name != database)
                settings.Database = database;
            return settings;
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"{Prefix}{name} is no connection string: {e.Message}");
        }
    }

    /// <summary>Each database has a role of its name, and the administrator is <c>postgres</c>.</summary>
    private void AddSecrets(string path, string server)
    {
        var colon = server.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(server.AsSpan(colon + 1), out var port))
            throw new UsageException($"--server is HOST:PORT, not {server}");
        Dictionary<string, string> secrets;
        try
        {
            secrets = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(path)) ?? [];
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read: {e.Message}");
        }
        foreach (var name in Databases.Append(Server))
        {
            if (secrets.TryGetValue($"{name}_password", out var password))
            {
                _strings[name] = new NpgsqlConnectionStringBuilder
                {
                    Host = server[..colon], Port = port, Username = name, Password = password, Database = name,
                }.ConnectionString;
            }
        }
    }

    private void AddState(string path)
    {
        using var state = JsonDocument.Parse(File.ReadAllText(path));
        foreach (var resource in state.RootElement.GetProperty("resources").EnumerateArray())
        {
            if (resource.GetProperty("name").GetString() is { } name && Databases.Append(Server).Contains(name)
                && resource.TryGetProperty("connection_string", out var value) && value.GetString() is { Length: > 0 } connection)
                _strings[name] = connection;
        }
    }

    private void AddFile(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the settings file cannot be read: {e.Message}");
        }
        foreach (var line in lines.Select(line => line.Trim()))
        {
            if (!line.StartsWith(Prefix, StringComparison.Ordinal) || line.IndexOf('=', StringComparison.Ordinal) is var sign && sign < 0)
                continue;
            var value = line[(sign + 1)..].Trim();
            if (value is ['"', .., '"'] or ['\'', .., '\''])
                value = value[1..^1];
            if (value.Length > 0)
                _strings[line[Prefix.Length..sign]] = value;
        }
    }
}
