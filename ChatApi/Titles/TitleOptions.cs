namespace Lyceum.ChatApi.Titles;

/// <summary>Titles that a model makes of conversations, section <c>Titles</c>.</summary>
public sealed class TitleOptions
{
    public const string Section = "Titles";

    /// <summary>Times that a model is asked for one conversation's title; after them it keeps the one it has.</summary>
    public const int MaxTries = 3;

    /// <summary>False: titles stay the beginning of the first question.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How long a model may take. Reached: the title stays, and is asked for again later.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Titles that are asked for at once, per replica.</summary>
    public int MaxAtOnce { get; set; } = 4;
}
