using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Data;

/// <summary>
/// sessiondb, composed of the tables that stand beside their features (<see cref="IEntityTypeConfiguration{T}"/>); a
/// feature reads its own by <c>Set</c>. Every row of a person's things carries (tenant, subject), and every query uses
/// both; others get in only through a row of <c>shares</c>.
/// </summary>
public sealed class SessionDb(DbContextOptions<SessionDb> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(SessionDb).Assembly);
        modelBuilder.AddErasedPersons();
        modelBuilder.AddPersonEvents();
        modelBuilder.UseSnakeCaseNames();
    }
}
