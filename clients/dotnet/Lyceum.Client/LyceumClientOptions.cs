namespace Lyceum.Client;

/// <summary>Limits of a client's waits. The defaults suit the gateway's own.</summary>
public sealed class LyceumClientOptions
{
    /// <summary>A request that gets no answer for so long is sent again.</summary>
    public TimeSpan NoAnswer { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A stream that says nothing for so long is opened anew. The gateway sends a ping every 15 s.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(35);

    /// <summary>
    /// The wait after the first failure. It is doubled each time up to <see cref="LongestPause"/>, and at random between half
    /// and all of it, so that the readers of a server that was away do not come back at once.
    /// </summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(500);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A server that asks for a longer wait than this is not waited for: its refusal is thrown.</summary>
    public TimeSpan LongestRetryAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A stream that does not go on for so long, whatever is tried, is given up: its last failure is thrown.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a call of <see cref="LyceumClient.Api"/> that may be repeated is, after 429, 503 or a lost connection.</summary>
    public int Retries { get; init; } = 3;

    /// <summary>Sends the requests; absent: a handler of the client's own. The client does not dispose what is given here.</summary>
    public HttpMessageHandler? Handler { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal TimeSpan Pause(int failures)
    {
        var most = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 30)), LongestPause.TotalMilliseconds);
#pragma warning disable CA5394 // Spreads waits; nobody may gain by guessing it.
        return TimeSpan.FromMilliseconds(most * (0.5 + (Random.Shared.NextDouble() / 2)));
#pragma warning restore CA5394
    }
}
