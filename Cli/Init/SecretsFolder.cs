using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lyceum.Cli.Installation;
using Lyceum.DataFolder;

namespace Lyceum.Cli.Init;

/// <summary>
/// <c>FOLDER/secrets/</c> (0700, files 0600): <c>secrets.json</c> with all passwords, <c>keys/</c> with each service's private key and
/// everybody's public ones, and what is derived from them for each service and server: <c>chat-api.env</c>, <c>postgres.env</c>, …
/// <c>secrets.json</c> is written first, each file as a whole: a run that was interrupted is completed by the next one.
/// </summary>
internal static class SecretsFolder
{
    private const string BrokerUser = "lyceum";

    /// <returns>Paths of the files that were made now, and of those that were there.</returns>
    public static (IReadOnlyList<string> Written, IReadOnlyList<string> Kept) Complete(string folder, bool compose)
    {
        var secretsFolder = Path.Combine(folder, "secrets");
        var secretsPath = Path.Combine(secretsFolder, Secrets.File);
        RefuseHalfMade(secretsFolder, secretsPath);
        Directory.CreateDirectory(folder);
        AtomicFile.CreateFolder(secretsFolder, Secrets.File);

        List<string> written = [], kept = [];
        var before = File.Exists(secretsPath) ? File.ReadAllText(secretsPath) : null;
        var secrets = Secrets.Open(secretsFolder);
        (before == File.ReadAllText(secretsPath) ? kept : written).Add(secretsPath);

        var keysFolder = Path.Combine(secretsFolder, "keys");
        var keys = Services.All.Select(service => Path.Combine(keysFolder, $"{service.Name}.pem")).ToList();
        var present = keys.Where(File.Exists).ToHashSet(StringComparer.Ordinal);
        try
        {
            ServiceKeys.Ensure(keysFolder, Services.All.Select(service => service.Name));
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw new InstallationException(
                $"A key in '{keysFolder}' cannot be read ({e.Message}). Restore it from a backup, or delete it to have a new one.");
        }
        foreach (var key in keys)
            (present.Contains(key) ? kept : written).Add(key);

        foreach (var (name, content) in Derived(secrets, keysFolder, compose))
            Keep(Path.Combine(secretsFolder, name), content);
        var choices = compose ? ".env" : "lyceum.env";
        var example = compose
            ? new ComposeFiles(new Plan([])).Files().Single(file => file.Key == ".env.example").Value
            : new SystemdFiles(new Plan([])).Files().Single(file => file.Key == "lyceum.env.example").Value;
        Keep(Path.Combine(folder, choices), example);
        return (written, kept);

        void Keep(string path, string content)
        {
            if (File.Exists(path))
            {
                kept.Add(path);
                return;
            }
            AtomicFile.Write(path, content);
            written.Add(path);
        }
    }

    private static void RefuseHalfMade(string secretsFolder, string secretsPath)
    {
        if (File.Exists(secretsPath))
        {
            try
            {
                if (JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(secretsPath)) is { Count: > 0 })
                    return;
            }
            catch (JsonException)
            {
                // As empty.
            }
            throw new InstallationException($"'{secretsPath}' is damaged. Restore it from a backup: new passwords would not open the databases.");
        }
        if (Directory.Exists(secretsFolder) && Directory.EnumerateFileSystemEntries(secretsFolder).Any())
        {
            throw new InstallationException(
                $"'{secretsFolder}' holds files, but {Secrets.File}, from which they were made, is missing. Restore it from a backup, or move the " +
                "folder away to have new keys and passwords; databases that exist keep their old ones.");
        }
    }

    /// <summary>What each service and server is given: its own, and nobody else's.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Derived(
        IReadOnlyDictionary<string, string> secrets, string keysFolder, bool compose)
    {
        var broker = compose ? "rabbitmq" : "127.0.0.1";
        foreach (var service in Services.All)
        {
            var text = new StringBuilder();
            if (service.Database is { } database)
                text.Append($"PGPASSWORD={secrets[$"{database}_password"]}\n");
            text.Append($"ConnectionStrings__messaging=amqp://{BrokerUser}:{secrets["messaging_password"]}@{broker}:5672\n");
            if (compose)
            {
                // One line each: environment files know no other values.
                var key = File.ReadAllText(Path.Combine(keysFolder, $"{service.Name}.pem")).ReplaceLineEndings("");
                // Not quoted: some readers of such files (podman) take quotes for a part of the value; nothing in these needs them.
                text.Append($"Identity__Key={key}\n");
                text.Append($"Identity__Jwks={File.ReadAllText(Path.Combine(keysFolder, ServiceKeys.JwksFile)).Trim()}\n");
            }
            yield return new($"{service.Name}.env", text.ToString());
        }
        var roles = Services.All.Select(service => service.Database).OfType<string>()
            .Select(database => $"{DatabaseRoles.PasswordVariable(database)}={secrets[$"{database}_password"]}\n");
        yield return new("postgres.env", $"POSTGRES_PASSWORD={secrets["postgres_password"]}\n" + string.Concat(roles));
        yield return new("rabbitmq.env",
            $"RABBITMQ_DEFAULT_USER={BrokerUser}\nRABBITMQ_DEFAULT_PASS={secrets["messaging_password"]}\n");
        yield return new("rabbitmq_password", $"{secrets["messaging_password"]}\n");
    }
}
