namespace Lyceum.Gateway.Events;

/// <summary>Section <c>Events</c>.</summary>
public sealed class EventsOptions
{
    public const string Section = "Events";

    /// <summary>Connections that one person may hold at one gateway; one more gets 429.</summary>
    public int MaxOfPerson { get; set; } = 8;

    /// <summary>Connections of all; one more gets 429.</summary>
    public int MaxConnections { get; set; } = 5000;

    /// <summary>Answers that one connection may follow.</summary>
    public int MaxFollowed { get; set; } = 8;
}
