using System.Runtime.CompilerServices;
using Lyceum.Durability.Postgres;
using Npgsql;

namespace Lyceum.Durability.Persons;

/// <summary>A piece of a file; a file's pieces come one after the other.</summary>
/// <param name="Path">Within the archive; <c>/</c> between folders.</param>
public sealed record ExportPiece(string Path, string Text)
{
    /// <summary>Of a file that is no text, in place of <see cref="Text"/>: at most 700 KiB; null: it is one.</summary>
    public byte[]? Data { get; init; }

    /// <summary>There are no more pieces.</summary>
    public bool End { get; init; }
}

/// <summary>What a service exports beside its tables as they are: the same for people to read.</summary>
public interface IReadableExport
{
    IAsyncEnumerable<ExportPiece> ReadAsync(string tenant, string person, CancellationToken cancellationToken);
}

/// <summary>All that a service holds of a person: each table as a JSON file, and what is for people to read.</summary>
public sealed class PersonExport(
    NpgsqlDataSource source, DatabaseReady ready, PersonTables tables, IEnumerable<IReadableExport> readables)
{
    internal static readonly byte[] NewLine = "\n"u8.ToArray();

    /// <summary>Characters of a piece.</summary>
    private const int MaxPiece = 64 * 1024;

    public async IAsyncEnumerable<ExportPiece> ReadAsync(
        string tenant, string person, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        foreach (var table in tables.All.Where(table => table.IsExported))
        {
            var path = $"{table.Name}.json";
            var rows = 0;
            await foreach (var row in RowsAsync(table, tenant, person, cancellationToken))
            {
                foreach (var piece in Divide(path, (rows++ == 0 ? "[\n" : ",\n") + row))
                    yield return piece;
            }
            if (rows > 0)
                yield return new(path, "\n]\n");
        }
        foreach (var readable in readables)
        {
            await foreach (var piece in readable.ReadAsync(tenant, person, cancellationToken))
            {
                if (piece.Data is not null)
                    yield return piece;
                foreach (var part in Divide(piece.Path, piece.Text))
                    yield return part;
            }
        }
    }

    private async IAsyncEnumerable<string> RowsAsync(
        PersonTable table, string tenant, string person, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"SELECT (to_jsonb(t) - $3::text[])::text FROM {table.Name} t WHERE {table.Where}", connection)
        {
            CommandTimeout = 0, // the reader decides how fast it goes; it ends with the request
            Parameters =
            {
                new() { Value = tenant }, new() { Value = person }, new() { Value = table.Unexported.ToArray() },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            yield return reader.GetString(0);
    }

    /// <summary>Never between the halves of a surrogate pair.</summary>
    private static IEnumerable<ExportPiece> Divide(string path, string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var length = Math.Min(MaxPiece, text.Length - at);
            if (at + length < text.Length && char.IsHighSurrogate(text[at + length - 1]))
                length--;
            yield return new(path, text.Substring(at, length));
            at += length;
        }
    }
}
