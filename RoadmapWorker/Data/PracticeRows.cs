namespace Lyceum.RoadmapWorker.Data;

/// <summary>Practice items that were made together; its id is that of the task that made it.</summary>
public sealed class PracticeSetRow
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Whose it is; students of a class that it is shared with practise with it too.</summary>
    public required string Subject { get; init; }

    public required string Title { get; init; }

    /// <summary>A language tag.</summary>
    public required string Language { get; init; }

    /// <summary><c>model | catalogue | passages</c>.</summary>
    public required string MadeBy { get; init; }

    /// <summary><c>concept | kb | conversation</c>.</summary>
    public required string MadeFrom { get; init; }

    /// <summary>The roadmap; null unless it was made from a concept.</summary>
    public Guid? TaskId { get; init; }

    public string? ConceptId { get; init; }
    public string? KbId { get; init; }
    public Guid? ConversationId { get; init; }
    public required string[] Notes { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>One question. It never changes but for <see cref="SupersededBy"/>: who changes it makes another.</summary>
public sealed class PracticeItemRow
{
    public Guid Id { get; init; }
    public Guid SetId { get; init; }
    public required string Tenant { get; init; }

    /// <summary>The set's.</summary>
    public required string Subject { get; init; }

    /// <summary>1, 2, 3, … within the set; one that supersedes another has its number.</summary>
    public int Number { get; init; }

    /// <summary><c>choice | cloze | short</c>.</summary>
    public required string Kind { get; init; }

    public required string Question { get; init; }

    /// <summary>Of a choice.</summary>
    public string[]? Options { get; init; }

    /// <summary>Right answers: of a choice the one option, of a cloze what may stand in the gap, of a short answer a model one.</summary>
    public required string[] Answers { get; init; }

    /// <summary>What a short answer is graded by; null: by the learner.</summary>
    public string? Rubric { get; init; }

    public string? Explanation { get; init; }

    /// <summary>The words of the passage that it rests on.</summary>
    public string? Quote { get; init; }

    /// <summary>Where the quote stands, as JSON.</summary>
    public string? Source { get; init; }

    public Guid? TaskId { get; init; }
    public string? ConceptId { get; init; }
    public Guid? Supersedes { get; init; }
    public Guid? SupersededBy { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A person's memory of one item: written in the transaction of the attempt that changes it, under a row lock.</summary>
public sealed class PracticeCardRow
{
    public required string Tenant { get; init; }

    /// <summary>Who practises.</summary>
    public required string Subject { get; init; }

    public Guid ItemId { get; init; }
    public Guid SetId { get; init; }
    public Guid? TaskId { get; init; }
    public string? ConceptId { get; init; }

    /// <summary>Days; see <see cref="Reviews.MemoryState"/>.</summary>
    public double Stability { get; set; }

    public double Difficulty { get; set; }
    public DateTimeOffset? LastReview { get; set; }
    public DateTimeOffset Due { get; set; }

    /// <summary>
    /// The <see cref="Due"/> of which the person was told (<see cref="Practice.DueSweep"/>); null: of none yet.
    /// </summary>
    public DateTimeOffset? ToldDue { get; init; }

    public int ScheduledDays { get; set; }

    /// <summary>Attempts that counted.</summary>
    public int Reps { get; set; }

    public int Lapses { get; set; }

    /// <summary>Of the last attempt that counted, 0 to 1.</summary>
    public double LastScore { get; set; }
}

/// <summary>One answer to one item; never changed, but that one without a grade gets it.</summary>
public sealed class PracticeAttemptRow
{
    public required string Tenant { get; init; }
    public required string Subject { get; init; }
    public Guid Id { get; init; }

    /// <summary>Chosen by the client, or the id: the same again is the same attempt.</summary>
    public required string IdempotencyKey { get; init; }

    /// <summary>SHA-256 of item and answer.</summary>
    public required byte[] Fingerprint { get; init; }

    public Guid ItemId { get; init; }
    public Guid SetId { get; init; }
    public Guid? TaskId { get; init; }
    public string? ConceptId { get; init; }
    public required string Answer { get; init; }

    /// <summary><c>correct | partial | wrong | ungraded</c>.</summary>
    public required string Outcome { get; set; }

    /// <summary>0 to 1; null while it is not graded.</summary>
    public double? Score { get; set; }

    /// <summary>1 to 4, as <see cref="Reviews.Rating"/>; null while it is not graded.</summary>
    public int? Rating { get; set; }

    /// <summary><c>rule | model | learner</c>.</summary>
    public string? GradedBy { get; set; }

    public string? Feedback { get; set; }

    /// <summary>Whether it moved the schedule: the item was due, and no other attempt came first.</summary>
    public bool Counted { get; set; }

    /// <summary>The item's next review as it stood after this.</summary>
    public DateTimeOffset NextDue { get; set; }

    /// <summary>When it came in, by the server's clock.</summary>
    public DateTimeOffset At { get; init; }
}

/// <summary>How many attempts a person made on a day: its bound, and the lock under which attempts are written.</summary>
public sealed class PracticeDayRow
{
    public required string Tenant { get; init; }
    public required string Subject { get; init; }

    /// <summary>UTC.</summary>
    public DateOnly Day { get; init; }

    public int Attempts { get; init; }
}

/// <summary>What learners say of themselves about a concept: kept apart from what their attempts show.</summary>
public sealed class ConceptMarkRow
{
    public required string Tenant { get; init; }
    public required string Subject { get; init; }
    public Guid TaskId { get; init; }
    public required string ConceptId { get; init; }

    /// <summary><c>known | learning</c>.</summary>
    public required string Mark { get; init; }

    public DateTimeOffset At { get; init; }
}

/// <summary>A learner's own weeks of a roadmap, after they asked to re-schedule it.</summary>
public sealed class LearnerPlanRow
{
    public required string Tenant { get; init; }
    public required string Subject { get; init; }
    public Guid TaskId { get; init; }

    /// <summary>JSON.</summary>
    public required string Weeks { get; init; }

    public DateTimeOffset MadeAt { get; init; }
}

/// <summary>By when its owner wants parts of a roadmap done: for everybody who it is shared with.</summary>
public sealed class RoadmapDatesRow
{
    public Guid TaskId { get; init; }
    public required string Tenant { get; init; }
    public required string Subject { get; init; }

    /// <summary>JSON.</summary>
    public required string Dates { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}
