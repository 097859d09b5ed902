using Lyceum.Gateway.Auth.Hmac;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Observe;
using Lyceum.Gateway.Repo;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.Gateway.Data;

/// <summary>
/// gatewaydb. EF only makes the schema; each feature describes its own tables, and its statements are its own.
/// </summary>
public sealed class GatewayDb(DbContextOptions<GatewayDb> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        Nonce.Configure(modelBuilder);
        BudgetRow.Configure(modelBuilder);
        RepoModel.Configure(modelBuilder);
        ObserveModel.Configure(modelBuilder);
        ToolTables.Configure(modelBuilder);
        modelBuilder.UseSnakeCaseNames();
    }
}
