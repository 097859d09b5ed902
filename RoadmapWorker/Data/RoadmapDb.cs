using Lyceum.Jobs;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.RoadmapWorker.Data;

/// <summary>
/// roadmapdb. Of jobs EF only makes the schema: claims, commits and the sweep are statements of their own in <see cref="Jobs"/>,
/// each of which writes what belongs together at once.
/// </summary>
public sealed class RoadmapDb(DbContextOptions<RoadmapDb> options) : DbContext(options)
{
    public DbSet<PracticeSetRow> PracticeSets => Set<PracticeSetRow>();
    public DbSet<PracticeItemRow> PracticeItems => Set<PracticeItemRow>();
    public DbSet<PracticeCardRow> PracticeCards => Set<PracticeCardRow>();
    public DbSet<PracticeAttemptRow> PracticeAttempts => Set<PracticeAttemptRow>();
    public DbSet<ConceptMarkRow> ConceptMarks => Set<ConceptMarkRow>();
    public DbSet<LearnerPlanRow> LearnerPlans => Set<LearnerPlanRow>();
    public DbSet<RoadmapDatesRow> RoadmapDates => Set<RoadmapDatesRow>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<JobRow>(job =>
        {
            job.ToTable("jobs");
            job.HasKey(j => j.TaskId);
            job.Property(j => j.TaskId).ValueGeneratedNever();
            job.Property(j => j.Input).HasColumnType("json");
            // The queue, in the order it is worked off. Only what waits is in it.
            job.HasIndex(j => new { j.Priority, j.RunAfter })
                .HasFilter($"status = '{JobStatus.Queued}'").HasDatabaseName("ix_jobs_queue");
            // What a sweep looks through.
            job.HasIndex(j => j.Owner).HasFilter($"status = '{JobStatus.Running}'").HasDatabaseName("ix_jobs_running");
            // A caller's list, newest first (UUIDv7), and what of it is still open.
            job.HasIndex(j => new { j.Tenant, j.Subject, j.Kind, j.TaskId });
            job.HasIndex(j => new { j.Tenant, j.Subject }).HasFilter("ended_at IS NULL").HasDatabaseName("ix_jobs_open");
            job.HasIndex(j => new { j.Tenant, j.Subject, j.Kind, j.IdempotencyKey }).IsUnique()
                .HasFilter("idempotency_key IS NOT NULL").HasDatabaseName("ix_jobs_one_key_once");
        });

        modelBuilder.Entity<JobStageRow>(stage =>
        {
            stage.ToTable("job_stages");
            // One result of a stage, whatever happens: the database holds it.
            stage.HasKey(s => new { s.TaskId, s.Stage, s.Part });
            stage.Property(s => s.Body).HasColumnType("json");
            stage.Property(s => s.Epoch).HasDefaultValue(0);
            stage.Property(s => s.PromptTokens).HasDefaultValue(0);
            stage.Property(s => s.CompletionTokens).HasDefaultValue(0);
            stage.HasOne<JobRow>().WithMany().HasForeignKey(s => s.TaskId).OnDelete(DeleteBehavior.Cascade);
        });

        modelBuilder.Entity<JobEventRow>(change =>
        {
            change.ToTable("job_events");
            change.HasKey(e => new { e.TaskId, e.Seq });
            change.Property(e => e.Seq).ValueGeneratedNever();
            change.HasOne<JobRow>().WithMany().HasForeignKey(e => e.TaskId).OnDelete(DeleteBehavior.Cascade);
        });

        modelBuilder.Entity<ExecutionLogRow>(log =>
        {
            log.ToTable("execution_logs");
            // Under one epoch a stage is run once.
            log.HasKey(l => new { l.TaskId, l.Epoch, l.Stage });
            log.Property(l => l.Calls).HasColumnType("json");
            log.HasOne<JobRow>().WithMany().HasForeignKey(l => l.TaskId).OnDelete(DeleteBehavior.Cascade);
        });

        modelBuilder.Entity<OwnerRow>(owner =>
        {
            owner.ToTable("owners");
            owner.Property(o => o.Id).ValueGeneratedNever();
        });

        modelBuilder.AddErasedPersons();
        modelBuilder.AddPersonEvents();
        PracticeModel.Add(modelBuilder);
        modelBuilder.UseSnakeCaseNames();
    }
}

/// <summary>A task: something to be done once, in stages, by the worker that holds <c>(owner, epoch)</c> of it.</summary>
public sealed class JobRow
{
    public Guid TaskId { get; init; }

    /// <summary>Which <see cref="IJobKind"/> does it.</summary>
    public required string Kind { get; init; }

    public required string Tenant { get; init; }

    /// <summary>The caller's <c>sub</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>One of <see cref="JobStatus"/>.</summary>
    public required string Status { get; init; }

    /// <summary>The stage to be done next, or being done; all before it are committed.</summary>
    public required string Stage { get; init; }

    /// <summary>0-100.</summary>
    public int Progress { get; init; }

    /// <summary>0 is served first; see <see cref="JobPriority"/>.</summary>
    public int Priority { get; init; }

    /// <summary>JSON, as the kind wrote it.</summary>
    public required string Input { get; init; }

    /// <summary>Events so far: the highest <see cref="JobEventRow.Seq"/>.</summary>
    public int Events { get; init; }

    /// <summary>How often its present stage was begun.</summary>
    public int Attempt { get; init; }

    /// <summary>A row of <c>owners</c> while it is running; an id without such a row means that the owner is dead.</summary>
    public Guid? Owner { get; init; }

    /// <summary>The fencing token: incremented by every claim, checked by every write.</summary>
    public int Epoch { get; init; }

    /// <summary>Not claimed before: its place in the queue.</summary>
    public DateTimeOffset RunAfter { get; init; }

    /// <summary>How long it may take from its first start, however many workers it needs.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>The first start and <see cref="Timeout"/>.</summary>
    public DateTimeOffset? Deadline { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? ClaimedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Recorded first, then signalled to the owner, so that it cannot be lost.</summary>
    public DateTimeOffset? CancelRequestedAt { get; init; }

    public string? ErrorCode { get; init; }
    public string? ErrorMessage { get; init; }

    /// <summary>The client's <c>Idempotency-Key</c>; holds for as long as the task exists.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>SHA-256 of what was asked: the same key with another request is rejected.</summary>
    public byte[]? Fingerprint { get; init; }

    /// <summary>W3C <c>traceparent</c> of the request that asked.</summary>
    public string? Traceparent { get; init; }
}

/// <summary>The result of a finished stage, or a checkpoint of a stage that is not finished.</summary>
public sealed class JobStageRow
{
    public Guid TaskId { get; init; }
    public required string Stage { get; init; }

    /// <summary>Empty for the stage's own result.</summary>
    public required string Part { get; init; }

    public required string Body { get; init; }
    public DateTimeOffset CompletedAt { get; init; }

    /// <summary>Of the run that saved it.</summary>
    public int Epoch { get; init; }

    /// <summary>Of a recorded step, what it cost; 0 otherwise: the log of the run has the whole.</summary>
    public int PromptTokens { get; init; }

    public int CompletionTokens { get; init; }
}

/// <summary>One thing that happened to a task, as its readers see it. Never changed; numbered without a gap.</summary>
public sealed class JobEventRow
{
    public Guid TaskId { get; init; }

    /// <summary>1, 2, 3, … within the task; given out by the statement that changes the task.</summary>
    public int Seq { get; init; }

    public required string Status { get; init; }
    public required string Stage { get; init; }
    public int Progress { get; init; }

    /// <summary>The checkpoint that was saved; null for the task as a whole.</summary>
    public string? Part { get; init; }

    public string? ErrorMessage { get; init; }
    public DateTimeOffset At { get; init; }
}

/// <summary>One run of one stage: who, how long, at what price, and how it went.</summary>
public sealed class ExecutionLogRow
{
    public Guid TaskId { get; init; }
    public int Epoch { get; init; }
    public required string Stage { get; init; }
    public int Attempt { get; init; }

    /// <summary>The worker's instance name.</summary>
    public required string Worker { get; init; }

    public DateTimeOffset StartedAt { get; init; }
    public int DurationMs { get; init; }
    public int PromptTokens { get; init; }
    public int CompletionTokens { get; init; }

    /// <summary>One of <see cref="StageOutcomes"/>.</summary>
    public required string Outcome { get; init; }

    public string? Error { get; init; }

    /// <summary>JSON, an array of <see cref="Jobs.JobCall"/>; null where no call was made.</summary>
    public string? Calls { get; init; }
}

/// <summary>One row per living process; see <see cref="Durability.Leases.LeaseKeeper"/>.</summary>
public sealed class OwnerRow
{
    public Guid Id { get; init; }

    /// <summary>By Postgres' <c>clock_timestamp()</c>.</summary>
    public DateTimeOffset LeaseUntil { get; init; }
}
