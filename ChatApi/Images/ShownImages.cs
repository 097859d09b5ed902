using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Images;

/// <summary>
/// Reads the images that a model is shown when it is asked, and not before: a question that waits holds none. A place bounds how
/// many questions' images are in memory at once, from reading to sending.
/// </summary>
public sealed class ShownImages(
    NpgsqlDataSource source, SeeingEngines seeing, IOptions<ImageOptions> options, IOptions<ShareOptions> shares)
{
    private const string Read = "SELECT id, type, data FROM images WHERE id = ANY ($1) AND tenant = $2 AND person = $3";

    private readonly SharedBound _places = new(options.Value.MaxAsking, shares.Value);

    /// <summary>Waits for a place, as long as the answer has time.</summary>
    public ValueTask<SharedBound.Held> TakeAsync(string tenant, string person, CancellationToken cancellationToken) =>
        _places.TakeAsync(new Sharer(tenant, person), cancellationToken);

    /// <summary>Whether the engine's model takes images; one that does not say gets them, and decides.</summary>
    public async Task<bool> AreTakenByAsync(Uri engine, CancellationToken cancellationToken) =>
        await seeing.SeesAsync(engine, cancellationToken) is not false;

    /// <summary>Those that are there.</summary>
    public async Task<Dictionary<Guid, ContextImage>> ReadAsync(
        string tenant, string person, IReadOnlyList<Guid> ids, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Read);
        command.Parameters.Add(new() { Value = ids.ToArray() });
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = person });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var images = new Dictionary<Guid, ContextImage>();
        while (await reader.ReadAsync(cancellationToken))
            images[reader.GetGuid(0)] = new(reader.GetString(1), await reader.GetFieldValueAsync<byte[]>(2, cancellationToken));
        return images;
    }
}
