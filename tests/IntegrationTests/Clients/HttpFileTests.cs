using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Tests.IntegrationTests.Exchanges;

namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>
/// The services' .http files, run as a reader runs them after <c>./run.sh</c>: by httpyac, with the
/// <c>http-client.env.json</c> that AppHost wrote. A title that begins with a status expects it; every other request
/// succeeds.
/// </summary>
[Collection(PrimerCollection.Name)]
public sealed partial class HttpFileTests(SharedSystem system)
{
    // Accepted: the machine lacks something, a speech synthesizer for example.
    private const int NotConfigured = 501;

    [Theory]
    [InlineData("Gateway")]
    [InlineData("ChatApi")]
    [InlineData("SessionApi")]
    [InlineData("GpuEngine")]
    [InlineData("RoadmapWorker")]
    public async Task HttpFile_RunWholeByHttpyac_AnswersAsItsTitlesSay(string service)
    {
        _ = system.App;
        var clients = Path.Combine(Repository.Root, "tests", "Clients");
        var program = Path.Combine(clients, "node_modules", "httpyac", "bin", "httpyac.js");
        Assert.SkipUnless(
            File.Exists(program), "the npm package httpyac is not installed: npm ci in tests/Clients (test.sh does)");
        // Beside the environment that AppHost wrote for this system.
        File.Exists(Path.Combine(system.DataFolder, "http-client.env.json")).ShouldBeTrue();
        var file = Path.Combine(system.DataFolder, $"{service}.http");
        File.Copy(Path.Combine(Repository.Root, service, $"{service}.http"), file, overwrite: true);

        // Into a file: node ends without writing all that a pipe does not take at once.
        var written = Path.Combine(system.DataFolder, $"{service}.json");
        var start = new ProcessStartInfo(
            "bash",
            [
                "-c", "node \"$1\" send \"$2\" --all --env dev --json --output response --no-color > \"$3\"", "bash",
                program, Path.GetFileName(file), written,
            ])
        {
            WorkingDirectory = system.DataFolder,
            RedirectStandardError = true,
        };
        using var node = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var errors = node.StandardError.ReadToEndAsync(limit.Token);
        await node.WaitForExitAsync(limit.Token);
        var output = await File.ReadAllTextAsync(written, limit.Token);
        output.ShouldContain("\"requests\"", customMessage: await errors);

        var report = JsonElement.Parse(output[output.IndexOf('{')..]);
        var requests = report.GetProperty("requests").EnumerateArray().ToList();
        var titles = Title().Matches(await File.ReadAllTextAsync(file))
            .Select(match => match.Groups["title"].Value).ToList();
        requests.Count.ShouldBe(titles.Count, output);
        foreach (var (request, title) in requests.Zip(titles))
        {
            request.TryGetProperty("response", out var response).ShouldBeTrue($"{title}: not answered: {request}");
            var status = response.GetProperty("statusCode").GetInt32();
            var expected = Status().Match(title) is { Success: true } match ? int.Parse(match.Value) : (int?)null;
            (expected is null ? status < 400 || status == NotConfigured : status == expected)
                .ShouldBeTrue($"{title}: {status} {response}");
        }
    }

    [GeneratedRegex("^### (?<title>.+)$", RegexOptions.Multiline)]
    private static partial Regex Title();

    [GeneratedRegex("^[1-5][0-9][0-9](?=:)")]
    private static partial Regex Status();
}
