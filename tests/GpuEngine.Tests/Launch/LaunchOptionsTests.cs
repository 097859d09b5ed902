using Lyceum.GpuEngine.Launch;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.GpuEngine.Launch;

public sealed class LaunchOptionsTests
{
    [Theory]
    [InlineData("vllm serve m --port 8000", "vllm|serve|m|--port|8000")]
    [InlineData("  a \t b\n", "a|b")]
    [InlineData("'a b' \"c 'd'\" e\\ f", "a b|c 'd'|e f")]
    [InlineData("a'b'\"c\"d", "abcd")]
    [InlineData("x '' \"\"", "x||")]
    [InlineData("\"a\\\"b\\\\c\\d\" 'e\\f'", "a\"b\\c\\d|e\\f")]
    [InlineData("sh -c 'exec x | y > $Z'", "sh|-c|exec x | y > $Z")]
    [InlineData("", "")]
    public void Command_Quoted_IsSplitAsAShellDoes(string command, string words) =>
        string.Join('|', CommandLine.Split(command)).ShouldBe(words);

    [Theory]
    [InlineData("a 'b")]
    [InlineData("a \"b\\\"")]
    [InlineData("a\\")]
    public void Command_Unfinished_IsRejected(string command) => Should.Throw<FormatException>(() => CommandLine.Split(command));

    [Fact]
    public async Task Settings_WithErrors_AreAllReportedAtTheStart()
    {
        var errors = await ErrorsAsync(
            ("Llm:Launch:Command", "vllm 'serve"), ("Llm:Launch:WorkingDirectory", "/no/such/folder"), ("Llm:Launch:Health", "ftp://x"),
            ("Llm:Launch:StartTimeout", "-00:00:01"), ("Llm:Launch:MinBackoff", "00:00:05"), ("Llm:Launch:MaxBackoff", "00:00:01"),
            ("Llm:Launch:HealthFailures", "0"), ("Llm:Launch:LogLines", "0"), ("Llm:Launch:Environment:A=B", "c"));

        errors.Count.ShouldBe(8, string.Join('\n', errors));
        foreach (var part in new[] { "no closing '", "WorkingDirectory", "Health ", "StartTimeout", "MaxBackoff", "HealthFailures", "LogLines", "unusable name" })
        {
            errors.ShouldContain(error => error.Contains(part, StringComparison.Ordinal), part);
        }
    }

    [Theory]
    [InlineData("Llm:Launch:LogLines", "10", "Command is missing")]
    [InlineData("Llm:Launch", "llama-server -m x.gguf", "say where the server will be reached")]
    public async Task Settings_Incomplete_AreRejected(string key, string value, string error) =>
        (await ErrorsAsync((key, value))).ShouldContain(said => said.Contains(error, StringComparison.Ordinal));

    [Fact]
    public void Backoff_ShortRuns_DoublesToItsLimit_AndRestartsAfterALongRun()
    {
        var backoff = new Backoff(new LaunchOptions
        {
            MinBackoff = TimeSpan.FromSeconds(1), MaxBackoff = TimeSpan.FromSeconds(5), WellAfter = TimeSpan.FromMinutes(1),
        });

        double[] ready = [0, 0, 59, 0, 0, 60, 0];
        ready.Select(seconds => backoff.After(TimeSpan.FromSeconds(seconds)).TotalSeconds).ShouldBe([1, 2, 4, 5, 5, 1, 2]);
    }

    private static async Task<List<string>> ErrorsAsync(params (string Key, string Value)[] settings) =>
        [.. (await Should.ThrowAsync<OptionsValidationException>(() => Engine.StartAsync(null, settings))).Failures];
}
