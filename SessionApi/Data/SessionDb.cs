using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Data;

/// <summary>
/// sessiondb, composed of the tables that stand beside their features (<see cref="IEntityTypeConfiguration{T}"/>); a
/// feature reads its own by <c>Set</c>. A tenant has no row of its own: it is the text every row of its things
/// carries, because the tenants of API tokens are configuration.
/// </summary>
public sealed class SessionDb(DbContextOptions<SessionDb> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(SessionDb).Assembly);
        modelBuilder.AddErasedPersons();
        modelBuilder.UseSnakeCaseNames();
    }
}
