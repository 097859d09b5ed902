using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// A budget of model tokens that a tenant's owner set (table <c>tenant_budgets</c>), beside the operator's.
/// </summary>
internal sealed class TenantBudget
{
    /// <summary><see cref="Person"/> of a budget that all of the tenant share.</summary>
    public const string Whole = "";

    /// <summary><see cref="Person"/> of the budget of every person who has none of their own.</summary>
    public const string Everyone = "*";

    public required string Tenant { get; init; }

    public required string Person { get; init; }

    public long ModelTokens { get; init; }

    /// <summary>A <see cref="BudgetPeriod"/>, as it is written in JSON.</summary>
    public required string Period { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Who set it.</summary>
    public required string UpdatedBy { get; init; }
}

internal sealed class TenantBudgetTable : IEntityTypeConfiguration<TenantBudget>
{
    public void Configure(EntityTypeBuilder<TenantBudget> row)
    {
        row.ToTable("tenant_budgets");
        row.HasKey(budget => new { budget.Tenant, budget.Person });
    }
}
