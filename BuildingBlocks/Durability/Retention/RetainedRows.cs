using Npgsql;

namespace Lyceum.Durability.Retention;

/// <summary>Rows that one statement deletes.</summary>
/// <param name="source">The service's database.</param>
/// <param name="name">Of the log and the metric.</param>
/// <param name="days">Which of the settings holds for them.</param>
/// <param name="delete">Of the tenant <c>$1</c> those before <c>$2</c>, at most <c>$3</c>.</param>
public sealed class RetainedRows(
    NpgsqlDataSource source, string name, Func<TenantRetention, int?> days, string delete) : IRetained
{
    public string Name => name;

    public int? DaysOf(TenantRetention retention) => days(retention);

    public async Task<int> DeleteAsync(string tenant, DateTimeOffset before, int limit, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(delete);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = before });
        command.Parameters.Add(new() { Value = limit });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
