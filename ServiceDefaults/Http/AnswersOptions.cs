using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// The bounds of an answer (section <c>Answers</c>), set once in AppHost and handed to every service; every hop derives
/// its timeout from them (docs: architecture, Timeouts), so that they agree.
/// </summary>
public sealed class AnswersOptions
{
    public const string Section = "Answers";

    /// <summary>A whole answer, first token to last. Reached: the answer ends as <c>timed_out</c>, its part is kept.</summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>Connecting to another service or a model server.</summary>
    public TimeSpan Connect { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>From the request to a model to its first token.</summary>
    public TimeSpan FirstToken { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Between two tokens of a model.</summary>
    public TimeSpan BetweenTokens { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A stream is never silent for longer: <c>ping</c> events in between.</summary>
    public TimeSpan Ping { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the gateway tolerates silence on a streamed route: four missed pings.</summary>
    public TimeSpan GatewayActivityTimeout => Ping * 4;

    /// <summary>
    /// How long a reader may read nothing of its stream before it is disconnected: it missed two pings.
    /// </summary>
    public TimeSpan StalledReaderTimeout => Ping * 2;

    /// <summary>How long a hop waits for an answer that comes whole.</summary>
    public TimeSpan WholeAnswerTimeout => MaxDuration + TimeSpan.FromSeconds(10);
}

/// <summary>Reports every validation error at once, so that one restart is enough.</summary>
internal sealed class AnswersValidator : IValidateOptions<AnswersOptions>
{
    public ValidateOptionsResult Validate(string? name, AnswersOptions options)
    {
        var errors = new List<string>();
        Positive(nameof(options.MaxDuration), options.MaxDuration);
        Positive(nameof(options.Connect), options.Connect);
        Positive(nameof(options.FirstToken), options.FirstToken);
        Positive(nameof(options.BetweenTokens), options.BetweenTokens);
        Positive(nameof(options.Ping), options.Ping);
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);

        void Positive(string setting, TimeSpan value)
        {
            if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(1))
                errors.Add($"{AnswersOptions.Section}:{setting} is {value}; it must be above 0 and at most a day");
        }
    }
}

internal static class AnswersRegistration
{
    public static void AddAnswersOptions(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AnswersOptions>().BindConfiguration(AnswersOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<AnswersOptions>, AnswersValidator>();
    }
}
