using Microsoft.EntityFrameworkCore;

namespace Lyceum.Gateway.Limits;

/// <summary>What of a budget is gone in one period (table <c>budgets</c>). There is nothing to lease: what is taken, is gone.</summary>
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

    /// <summary>The block that the last statement took: how that statement learns what it got.</summary>
    public long Granted { get; init; }

    /// <summary>Somebody found too little: who holds a block gives back what it does not need.</summary>
    public DateTimeOffset? WantedAt { get; init; }

    /// <summary>End of the period; rows are removed 40 days after it. Null: never.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    public static void Configure(ModelBuilder model) => model.Entity<BudgetRow>(row =>
    {
        row.ToTable("budgets");
        row.HasKey(budget => new { budget.Account, budget.Unit, budget.Period });
        row.HasIndex(budget => budget.EndsAt);
    });
}
