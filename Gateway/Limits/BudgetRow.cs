using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// What is taken of a budget in one period (table <c>budgets</c>). Units have no lease: what is taken stays taken until
/// it is given back.
/// </summary>
internal sealed class BudgetRow
{
    /// <summary><c>key:ci</c>, <c>tenant:acme</c>.</summary>
    public required string Account { get; init; }

    /// <summary><c>requests</c> or <c>model_tokens</c>.</summary>
    public required string Unit { get; init; }

    /// <summary>A period's name (<see cref="BudgetSpan"/>).</summary>
    public required string Period { get; init; }

    /// <summary>Used, or in a block that a replica holds.</summary>
    public long Taken { get; init; }

    /// <summary>The block that the last statement took, which it returns.</summary>
    public long Granted { get; init; }

    /// <summary>
    /// When a replica last found too little: then replicas that hold blocks give back what they do not need.
    /// </summary>
    public DateTimeOffset? WantedAt { get; init; }

    /// <summary>End of the period; rows are removed 40 days after it. Null: never.</summary>
    public DateTimeOffset? EndsAt { get; init; }
}

internal sealed class BudgetTable : IEntityTypeConfiguration<BudgetRow>
{
    public void Configure(EntityTypeBuilder<BudgetRow> row)
    {
        row.ToTable("budgets");
        row.HasKey(budget => new { budget.Account, budget.Unit, budget.Period });
        row.HasIndex(budget => budget.EndsAt);
    }
}
