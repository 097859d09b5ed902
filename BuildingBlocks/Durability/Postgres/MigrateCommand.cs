using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>The tables of a service's database.</summary>
internal interface ISchema
{
    /// <returns>False: they were this release's already.</returns>
    Task<bool> MigrateAsync(CancellationToken cancellationToken);
}

/// <summary>
/// <c>PROGRAM --migrate</c>: brings the service's database to this release and ends, for those who do it before an upgrade, as the Job of
/// deploy/kubernetes. Nothing else of the service runs. 0: it is in place; 1: it could not be done, and may be tried again.
/// </summary>
public static class MigrateCommand
{
    public const string Argument = "--migrate";

    public static bool IsWanted(IReadOnlyList<string> args) => args is [Argument];

    /// <param name="app">Built, not started.</param>
    public static async Task<int> RunAsync(WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        await using var services = app;
        try
        {
            var changed = await app.Services.GetRequiredService<ISchema>().MigrateAsync(CancellationToken.None);
            Console.WriteLine(changed ? "The database was brought to this release" : "The database is this release's already");
            return 0;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync($"The database was not migrated: {e.Message}");
            return 1;
        }
    }
}
