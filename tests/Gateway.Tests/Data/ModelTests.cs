using Lyceum.Gateway.Data;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.Tests.Gateway.Tests.Data;

public sealed class ModelTests
{
    [Fact]
    public void Model_ComposedOfTheFeaturesTables_IsThatOfTheMigrations()
    {
        using var db = new GatewayDb(new DbContextOptionsBuilder<GatewayDb>().UseNpgsql("Host=127.0.0.1").Options);

        db.Database.HasPendingModelChanges().ShouldBeFalse();
        db.Model.GetEntityTypes().Count().ShouldBe(11);
    }
}
