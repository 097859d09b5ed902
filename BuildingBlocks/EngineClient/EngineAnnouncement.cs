using System.Text.Json.Serialization;

namespace Lyceum.EngineClient;

/// <summary>What an engine says of itself, each second, to whoever keeps the directory; also <c>GET /v1/engine</c>.</summary>
/// <param name="Id">Begins the ids of its sessions.</param>
/// <param name="Incarnation">UUIDv7 of this run of its process: sessions live and end with it.</param>
/// <param name="Url">Where services reach this very process.</param>
/// <param name="PublicUrl">Where clients reach it directly; null where they come through the gateway.</param>
/// <param name="Capacity">Live sessions it takes.</param>
/// <param name="Sessions">Live sessions it has.</param>
/// <param name="Model">Its default model; null while that is not known.</param>
public sealed record EngineAnnouncement(
    string Id, Guid Incarnation, Uri Url, string? PublicUrl, int Capacity, int Sessions, string? Model)
{
    /// <summary>
    /// It is stopping: it finishes what it has, and takes nothing new on. False: also one of a version before this.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Draining { get; init; }

    /// <summary>
    /// In <c>GET /v1/engine</c> alone: the directory keeps nothing of it. Null: an engine of a version before these, of
    /// which nothing is known.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EngineOffers? Offers { get; init; }
}

/// <summary>What an engine is configured to do.</summary>
/// <param name="LanguageModel">False: Primer answers.</param>
/// <param name="Asr">It recognizes speech.</param>
/// <param name="Tts">It speaks.</param>
/// <param name="Moderation">It has a server of <c>/moderations</c>.</param>
/// <param name="Vision">Its model takes images; false: an engine of a version before this.</param>
public sealed record EngineOffers(bool LanguageModel, bool Asr, bool Tts, bool Moderation, bool Vision = false);

/// <summary><c>GET /internal/engines</c>: those heard of in the last seconds.</summary>
public sealed record EngineList(IReadOnlyList<EngineAnnouncement> Engines);

/// <summary><c>GET /internal/engine/address</c>: what a client would be given for a session.</summary>
/// <param name="EngineUrl">A WebSocket's, without a token, of a session that is not there.</param>
public sealed record EngineAddress(string EngineUrl)
{
    /// <summary>No session's id ends so.</summary>
    public const string NoSession = "none";
}
