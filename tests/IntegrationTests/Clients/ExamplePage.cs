using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>The programs of docs/examples.md, run as they stand there.</summary>
internal static partial class ExamplePage
{
    private static readonly Lazy<string> Page = new(() => File.ReadAllText(Path.Combine(Repository.Root, "docs", "examples.md")));

    /// <summary>The block that begins with a comment that names the file.</summary>
    public static string Program(string file) => Blocks().Matches(Page.Value).Select(match => match.Groups["code"].Value)
        .Single(code => code.StartsWith($"# {file}\n", StringComparison.Ordinal) || code.StartsWith($"// {file}\n", StringComparison.Ordinal));

    public static string CSharp() => Blocks().Matches(Page.Value).Single(match => match.Groups["language"].Value == "csharp").Groups["code"].Value;

    /// <returns>What it wrote to its output; the test fails if it did not end well.</returns>
    public static async Task<string> RunAsync(
        string program, string file, Uri gateway, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        Assert.SkipUnless(
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program))),
            $"{program} is not installed (test.sh does that)");
        var folder = Directory.CreateTempSubdirectory("lyceum-example-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, file), Program(file), cancellationToken);
            var start = new ProcessStartInfo(program, [file])
            {
                WorkingDirectory = folder.FullName,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardOutputEncoding = Encoding.UTF8,
            };
            start.Environment["GATEWAY"] = gateway.GetLeftPart(UriPartial.Authority);
            foreach (var (name, value) in environment)
                start.Environment[name] = value;
            using var process = Process.Start(start)!;
            using var ended = cancellationToken.UnsafeRegister(static process => ((Process)process!).Kill(), process);
            var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.IsCancellationRequested.ShouldBeFalse($"{file} did not end: {said[1]}");
            process.ExitCode.ShouldBe(0, said[1]);
            return said[0];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [GeneratedRegex("^```(?<language>[a-z]+)\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
