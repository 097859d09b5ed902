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
    string Id, Guid Incarnation, Uri Url, string? PublicUrl, int Capacity, int Sessions, string? Model);

/// <summary><c>GET /internal/engines</c>: those heard of in the last seconds.</summary>
public sealed record EngineList(IReadOnlyList<EngineAnnouncement> Engines);
