using Lyceum.GpuEngine.Upstream;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// The model server to start beside the engine; configuration section <c>Llm:Launch</c>. The section's own value is the
/// short form of <c>Command</c>: <c>Llm__Launch='llama-server -m tutor.gguf --port {port}'</c>.
/// </summary>
internal sealed class LaunchOptions
{
    public const string Section = "Llm:Launch";

    /// <summary>The configuration key of the launched server's own <c>CUDA_VISIBLE_DEVICES</c>.</summary>
    public const string VisibleDevicesKey = Section + ":Environment:CUDA_VISIBLE_DEVICES";

    /// <summary>In the command and the environment: replaced by the port to listen at.</summary>
    public const string PortPlaceholder = "{port}";

    /// <summary>
    /// The program and its arguments: a string that is split as a shell would (<see cref="CommandLine"/>), or an array
    /// (<c>Command__0</c>, <c>Command__1</c>, …) that is used as it is.
    /// </summary>
    internal IReadOnlyList<string> Command { get; set; } = [];

    /// <summary>Where it runs. Empty: the engine's own.</summary>
    public string? WorkingDirectory { get; set; }

    /// <summary>Variables beside the engine's own; CUDA_VISIBLE_DEVICES may stand here too.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>
    /// Where to ask whether it is healthy: a path on the server or a whole address. Empty: <c>/health</c>, and where
    /// the server has none, <c>{Llm:Endpoint}/models</c>.
    /// </summary>
    public string? Health { get; set; }

    /// <summary>How long it may load. Beyond that it is stopped and started again.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two health checks; each second while it loads.</summary>
    public TimeSpan HealthInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>An answer that takes longer is a failure.</summary>
    public TimeSpan HealthTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>After so many failures in a row it counts as hung, is stopped and started again.</summary>
    public int HealthFailures { get; set; } = 3;

    /// <summary>The wait before it is started again, doubling each time up to <see cref="MaxBackoff"/>.</summary>
    public TimeSpan MinBackoff { get; set; } = TimeSpan.FromSeconds(1);

    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>After it was ready for so long, the wait begins with <see cref="MinBackoff"/> again.</summary>
    public TimeSpan WellAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// From SIGTERM to SIGKILL. At the engine's own end the remaining <c>Drain:Timeout</c> bounds it as well.
    /// </summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Lines of its output kept in memory; the oldest is dropped first.</summary>
    public int LogLines { get; set; } = 500;

    /// <summary>Why <see cref="Command"/> could not be read.</summary>
    internal string? CommandError { get; set; }

    internal bool UsesPort => Command.Any(HasPort) || Environment.Values.Any(HasPort);

    /// <summary>Whether a server is to be started at all.</summary>
    public static bool IsConfigured(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        return !string.IsNullOrWhiteSpace(section.Value) || section.GetChildren().Any();
    }

    internal void ReadCommand(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        var (whole, array) = (section["Command"] ?? section.Value, section.GetSection("Command").GetChildren().ToList());
        try
        {
            Command = array.Count > 0 ? [.. array.Select(word => word.Value ?? "")] : CommandLine.Split(whole ?? "");
        }
        catch (FormatException e)
        {
            CommandError = $"Llm:Launch:Command {e.Message}";
        }
        if (Command is [] or ["", ..])
            CommandError ??= "Llm:Launch:Command is missing: the program to start and its arguments";
    }

    private static bool HasPort(string text) => text.Contains(PortPlaceholder, StringComparison.Ordinal);

    /// <summary>Reports all errors together, at the start.</summary>
    public sealed class Validator(IOptions<LlmOptions> llm) : IValidateOptions<LaunchOptions>
    {
        public ValidateOptionsResult Validate(string? name, LaunchOptions options)
        {
            var errors = new List<string>();
            void Must(bool holds, string error)
            {
                if (!holds)
                    errors.Add(error);
            }

            Must(OperatingSystem.IsLinux(), "Llm:Launch needs Linux; elsewhere start the model server yourself and set Llm:Endpoint");
            if (options.CommandError is { } unreadable)
                errors.Add(unreadable);
            Must(options.CommandError is not null || llm.Value.IsConfigured || options.UsesPort,
                "Llm:Launch: say where the server will be reached: Llm:Endpoint, or {port} in Llm:Launch:Command");
            Must(llm.Value.Connector is LlmOptions.OpenAI, $"Llm:Launch works with Llm:Connector={LlmOptions.OpenAI} only");
            Must(string.IsNullOrEmpty(options.WorkingDirectory) || Directory.Exists(options.WorkingDirectory),
                $"Llm:Launch:WorkingDirectory '{options.WorkingDirectory}' is no folder");
            Must(options.Environment.Keys.All(key => key.Length > 0 && !key.Contains('=')), "Llm:Launch:Environment has an unusable name");
            Must(string.IsNullOrEmpty(options.Health) || options.Health.StartsWith('/')
                || (Uri.TryCreate(options.Health, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"),
                $"Llm:Launch:Health must be a path like /health or an http address, not '{options.Health}'");
            foreach (var (setting, value) in new[]
            {
                (nameof(StartTimeout), options.StartTimeout), (nameof(HealthInterval), options.HealthInterval),
                (nameof(HealthTimeout), options.HealthTimeout), (nameof(MinBackoff), options.MinBackoff),
                (nameof(WellAfter), options.WellAfter), (nameof(StopTimeout), options.StopTimeout),
            })
            {
                Must(value > TimeSpan.Zero && value <= TimeSpan.FromDays(1), $"Llm:Launch:{setting} must be above 0 and at most a day");
            }
            Must(options.MaxBackoff >= options.MinBackoff && options.MaxBackoff <= TimeSpan.FromDays(1),
                "Llm:Launch:MaxBackoff must be at least MinBackoff and at most a day");
            Must(options.HealthFailures >= 1, "Llm:Launch:HealthFailures must be at least 1");
            Must(options.LogLines is >= 1 and <= 100_000, "Llm:Launch:LogLines must be 1 to 100000");
            return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }
    }
}
