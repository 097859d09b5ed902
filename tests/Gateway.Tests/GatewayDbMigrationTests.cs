using Lyceum.Gateway.Data;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.Tests.Gateway;

public sealed class GatewayDbMigrationTests
{
    [Fact]
    public void Model_HasNoChangeWithoutAMigration()
    {
        using var db = new GatewayDb(new DbContextOptionsBuilder<GatewayDb>().UseNpgsql("Host=none").Options);
        db.Database.HasPendingModelChanges().ShouldBeFalse();
    }
}
