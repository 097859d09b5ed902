using Microsoft.EntityFrameworkCore;

namespace Lyceum.RoadmapWorker.Data;

/// <summary>The tables of practice and progress.</summary>
internal static class PracticeModel
{
    public static void Add(ModelBuilder model)
    {
        model.Entity<PracticeSetRow>(set =>
        {
            set.ToTable("practice_sets");
            set.Property(s => s.Id).ValueGeneratedNever();
            set.HasIndex(s => new { s.Tenant, s.Subject, s.Id });
        });
        model.Entity<PracticeItemRow>(item =>
        {
            item.ToTable("practice_items");
            item.Property(i => i.Id).ValueGeneratedNever();
            item.Property(i => i.Source).HasColumnType("json");
            item.HasOne<PracticeSetRow>().WithMany().HasForeignKey(i => i.SetId).OnDelete(DeleteBehavior.Cascade);
            item.HasIndex(i => new { i.Tenant, i.Subject });
            item.HasIndex(i => i.Supersedes).IsUnique().HasFilter("supersedes IS NOT NULL");
        });
        model.Entity<PracticeCardRow>(card =>
        {
            card.ToTable("practice_cards");
            card.HasKey(c => new { c.Tenant, c.Subject, c.ItemId });
            card.HasOne<PracticeItemRow>().WithMany().HasForeignKey(c => c.ItemId).OnDelete(DeleteBehavior.Cascade);
            card.HasIndex(c => new { c.Tenant, c.Subject, c.Due, c.ItemId });
            card.HasIndex(c => c.Due).HasFilter("told_due IS DISTINCT FROM due AND reps > 0")
                .HasDatabaseName("ix_practice_cards_untold");
            card.HasIndex(c => new { c.Tenant, c.Subject, c.TaskId });
            card.HasIndex(c => new { c.Tenant, c.Subject, c.SetId });
        });
        model.Entity<PracticeAttemptRow>(attempt =>
        {
            // No key to the item: what somebody did is evidence also after its set was deleted.
            attempt.ToTable("practice_attempts");
            attempt.HasKey(a => new { a.Tenant, a.Subject, a.Id });
            attempt.HasIndex(a => new { a.Tenant, a.Subject, a.IdempotencyKey }).IsUnique();
            attempt.HasIndex(a => new { a.Tenant, a.Subject, a.TaskId, a.ConceptId, a.Id });
            attempt.HasIndex(a => new { a.Tenant, a.Subject, a.ItemId, a.Id });
        });
        model.Entity<PracticeDayRow>(day =>
        {
            day.ToTable("practice_days");
            day.HasKey(d => new { d.Tenant, d.Subject, d.Day });
        });
        model.Entity<ConceptMarkRow>(mark =>
        {
            mark.ToTable("concept_marks");
            mark.HasKey(m => new { m.Tenant, m.Subject, m.TaskId, m.ConceptId });
        });
        model.Entity<LearnerPlanRow>(plan =>
        {
            plan.ToTable("learner_plans");
            plan.HasKey(p => new { p.Tenant, p.Subject, p.TaskId });
            plan.Property(p => p.Weeks).HasColumnType("json");
        });
        model.Entity<RoadmapDatesRow>(dates =>
        {
            dates.ToTable("roadmap_dates");
            dates.HasKey(d => d.TaskId);
            dates.Property(d => d.TaskId).ValueGeneratedNever();
            dates.Property(d => d.Dates).HasColumnType("json");
            dates.HasOne<JobRow>().WithOne().HasForeignKey<RoadmapDatesRow>(d => d.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
    }
}
