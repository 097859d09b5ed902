namespace Lyceum.ChatApi.Safety;

/// <summary>Section <c>Safety</c>.</summary>
public sealed class SafetyOptions
{
    public const string Section = "Safety";

    /// <summary>How long a model may take to judge a question or a sentence. Reached: it counts as not available.</summary>
    public TimeSpan JudgeTimeout { get; set; } = TimeSpan.FromSeconds(8);

    /// <summary>How long a person's policy is used before SessionApi is asked again: a change holds after it.</summary>
    public TimeSpan PolicyFresh { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a policy goes on being used while SessionApi does not answer. After it students get 503, and others go on
    /// unmoderated.
    /// </summary>
    public TimeSpan PolicyKept { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long SessionApi may take to say a person's policy.</summary>
    public TimeSpan PolicyTimeout { get; set; } = TimeSpan.FromSeconds(1);
}
