using System.Runtime.CompilerServices;
using Lyceum.Durability.Persons;
using Npgsql;

namespace Lyceum.ChatApi.Persons;

/// <summary>Each image as a file.</summary>
internal sealed class ImageExport(NpgsqlDataSource source) : IReadableExport
{
    // One at a time: each is half a megabyte.
    private const string Images = "SELECT id, data FROM images WHERE tenant = $1 AND person = $2 ORDER BY id";

    public async IAsyncEnumerable<ExportPiece> ReadAsync(
        string tenant, string person, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Images, connection)
        {
            CommandTimeout = 0, Parameters = { new() { Value = tenant }, new() { Value = person } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var data = await reader.GetFieldValueAsync<byte[]>(1, cancellationToken);
            yield return new($"images/{reader.GetGuid(0)}.jpg", "") { Data = data };
        }
    }
}
