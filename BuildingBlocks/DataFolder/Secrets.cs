using System.Security.Cryptography;
using System.Text.Json;

namespace Lyceum.DataFolder;

/// <summary>
/// <c>DIR/secrets.json</c>: what the parts of one system trust each other by, made once and kept. Each entry is also
/// the Aspire parameter of its name (<c>postgres_password</c> is <c>Parameters:postgres-password</c>), so two data
/// folders never share a secret, as they would through Aspire's own user secrets.
/// </summary>
public static class Secrets
{
    /// <summary>Its name in the data folder, by which a folder is known for one.</summary>
    public const string File = "secrets.json";

    private static readonly string[] Names =
    [
        "postgres_password", "messaging_password", "erlang_cookie",
        "chatdb_password", "sessiondb_password", "roadmapdb_password", "gatewaydb_password",
    ];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Reads the file, adds what is missing, and returns all entries.</summary>
    public static IReadOnlyDictionary<string, string> Open(string folder)
    {
        var path = Path.Combine(folder, File);
        var secrets = System.IO.File.Exists(path)
            ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(System.IO.File.ReadAllText(path)) ?? []
            : new SortedDictionary<string, string>(StringComparer.Ordinal);

        var missing = Names.Where(name => !secrets.ContainsKey(name)).ToArray();
        if (missing.Length == 0)
            return secrets;

        // New passwords would lock the servers' existing data: better to stop than to make them.
        if (!System.IO.File.Exists(path) && Directory.Exists(Path.Combine(folder, "postgres")))
        {
            throw new DataFolderException(
                $"'{path}' is missing, but '{folder}' holds a database that was made with it. Restore the file, or " +
                "start with another data folder.");
        }

        foreach (var name in missing)
            secrets[name] = RandomNumberGenerator.GetHexString(48, lowercase: true);
        AtomicFile.Write(path, JsonSerializer.Serialize(secrets, Indented));
        return secrets;
    }
}
