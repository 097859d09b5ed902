namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>
/// The example that clients of live sessions were given (<c>tests/Clients/session.mjs</c>), with the three things that each
/// client puts in: the address, its token and its tutor.
/// </summary>
internal static class SessionExample
{
    public static string Folder => Path.Combine(Repository.Root, "tests", "Clients");

    /// <summary>The whole program, for Node.</summary>
    public static string Program(string token, int tutor) => File.ReadAllText(Path.Combine(Folder, "session.mjs"))
        .Replace("YOUR_JWT_TOKEN", token, StringComparison.Ordinal)
        .Replace("/api/tutors/1/", $"/api/tutors/{tutor}/", StringComparison.Ordinal);

    /// <summary>The example alone, as a function of the address for a page; <c>window.seen</c> is what it logs.</summary>
    public static string Page(string token, int tutor)
    {
        var example = Program(token, tutor).Split("// ---- the example ----")[1].Split("// ---- its end ----")[0];
        return $$"""
            async webServer => {
                const seen = window.seen = [];
                const console = { log: (...line) => seen.push(line), error: (...line) => seen.push(line) };
                {{example}}
            }
            """;
    }
}
