using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.Gateway.Data;

/// <summary>
/// gatewaydb. EF only makes the schema: each feature describes its tables in an
/// <see cref="IEntityTypeConfiguration{TEntity}"/> beside its entities, and has its own SQL statements.
/// </summary>
public sealed class GatewayDb(DbContextOptions<GatewayDb> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(GatewayDb).Assembly);
        modelBuilder.AddErasedPersons();
        modelBuilder.UseSnakeCaseNames();
    }
}
