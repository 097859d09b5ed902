namespace Lyceum.ChatApi.Data;

/// <summary>Where an answer stands. All but <see cref="Streaming"/> are terminal.</summary>
public static class AnswerStatus
{
    public const string Streaming = "streaming";

    /// <summary>The model came to its end.</summary>
    public const string Complete = "complete";

    /// <summary>The user asked for the end, or what would have come next was withheld (<see cref="FinishReasons.Moderated"/>).</summary>
    public const string Stopped = "stopped";

    /// <summary>The process or the engine writing it died; the text so far is kept.</summary>
    public const string Interrupted = "interrupted";

    /// <summary>A bound of rule 4 was reached; the text so far is kept.</summary>
    public const string TimedOut = "timed_out";

    /// <summary>The model could not be asked, or rejected the question.</summary>
    public const string Failed = "failed";
}

/// <summary>Why an answer ended, finer than its status. A model's own reasons (<c>stop</c>, <c>length</c>, …) pass through.</summary>
public static class FinishReasons
{
    public const string Stop = "stop";

    /// <summary>The model's limit, or <c>Generation:MaxAnswerBytes</c>.</summary>
    public const string Length = "length";

    public const string MaxDuration = "max_duration";
    public const string FirstTokenTimeout = "first_token_timeout";
    public const string TokenTimeout = "token_timeout";

    /// <summary>The engine's stream broke off before its end.</summary>
    public const string EngineLost = "engine_lost";

    /// <summary>The engine or its upstream answered with an error.</summary>
    public const string EngineError = "engine_error";

    /// <summary>The database refused a part of the answer for what is in it; the text before it is kept.</summary>
    public const string NotStored = "not_stored";

    /// <summary>The user asked for the end.</summary>
    public const string Stopped = "stopped";

    /// <summary>The question was refused, or the next sentence withheld, under the rules of the person's school.</summary>
    public const string Moderated = "moderated";

    /// <summary>What should have judged the next sentence could not be asked, and the school wants nothing unjudged shown.</summary>
    public const string ModerationUnavailable = "moderation_unavailable";

    /// <summary>The answer had no reader for the grace period and was to end then (<c>on_disconnect: "stop"</c>).</summary>
    public const string ClientGone = "client_gone";

    /// <summary>The replica that owned the answer died.</summary>
    public const string OwnerLost = "owner_lost";

    /// <summary>The replica that owned the answer was shut down.</summary>
    public const string Shutdown = "shutdown";
}
