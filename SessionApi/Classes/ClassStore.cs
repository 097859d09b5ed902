using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Classes;

/// <summary>Section <c>Classes</c>. At each limit: 409 <c>limit_reached</c>.</summary>
public sealed class ClassOptions
{
    public const string Section = "Classes";

    /// <summary>Classes of one teacher, archived ones included.</summary>
    public int MaxClasses { get; set; } = 200;

    /// <summary>Students of one class.</summary>
    public int MaxMembers { get; set; } = 500;

    /// <summary>Things shared with one class.</summary>
    public int MaxShares { get; set; } = 200;

    /// <summary>Teachers of one class, beside the one who has it.</summary>
    public int MaxTeachers { get; set; } = 20;

    /// <summary>How long an archived class can be downloaded and taken back, before its records are erased.</summary>
    public TimeSpan ArchiveKept { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// Bytes of a class's archive. More: it is not made, the log says so, and the class is not erased.
    /// </summary>
    public int MaxArchiveBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>How long a student is shown who looked at their things.</summary>
    public TimeSpan LooksKept { get; set; } = TimeSpan.FromDays(365);
}

/// <summary>
/// Classes, as rows. Who may what: its teachers, and the owners of its tenant, manage a class; its students see that it
/// is, and use what it shares. Nobody else finds it. Who has the class, or an owner, says who else teaches it.
/// </summary>
internal sealed class ClassStore(SessionDb db, DatabaseReady ready, IOptions<ClassOptions> options, TimeProvider time)
{
    /// <summary>Classes that the caller manages.</summary>
    public IQueryable<ClassRow> TaughtBy(Caller caller)
    {
        ready.ThrowIfNotReady();
        var isOwner = caller.Role == Role.Owner;
        return caller.Role is Role.Owner or Role.Teacher
            ? db.Set<ClassRow>().Where(c => c.Tenant == caller.Tenant && (isOwner || c.Owner == caller.Person
                || db.Set<ClassTeacher>().Any(t => t.ClassId == c.Id && t.Tenant == caller.Tenant && t.Person == caller.Person)))
            : db.Set<ClassRow>().Where(c => false);
    }

    /// <summary>Classes that the caller is a student of.</summary>
    public IQueryable<ClassRow> JoinedBy(Caller caller)
    {
        ready.ThrowIfNotReady();
        return db.Set<ClassRow>().Where(c => c.Tenant == caller.Tenant && db.Set<ClassMember>().Any(
            m => m.ClassId == c.Id && m.Tenant == caller.Tenant && m.Person == caller.Person));
    }

    /// <exception cref="ProblemException">404 <c>class_not_found</c>, also where it is not the caller's to manage.</exception>
    public async Task<ClassRow> FindTaughtAsync(Caller caller, Guid id, CancellationToken cancellationToken) =>
        await Transient.RetryOnceAsync(_ => TaughtBy(caller).AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancellationToken))
            ?? throw NotFound(id);

    /// <summary>One that is not archived.</summary>
    /// <inheritdoc cref="FindTaughtAsync"/>
    /// <exception cref="ProblemException">409 <c>conflict</c>: it is archived.</exception>
    public async Task<ClassRow> FindOpenAsync(Caller caller, Guid id, CancellationToken cancellationToken) =>
        await FindTaughtAsync(caller, id, cancellationToken) is { ArchivedAt: null } open
            ? open : throw Conflict("This class is archived: nothing is added to it.");

    public async Task<ClassRow> CreateAsync(Caller caller, string name, string visibility, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var transaction = await db.Database.BeginCountedAsync("classes", $"{caller.Tenant} {caller.Person}", cancellationToken);
        if (await db.Set<ClassRow>().CountAsync(c => c.Tenant == caller.Tenant && c.Owner == caller.Person, cancellationToken)
            >= options.Value.MaxClasses)
            throw Full($"A teacher may have {options.Value.MaxClasses} classes (Classes:MaxClasses).");
        var now = time.GetStoredNow();
        var row = new ClassRow
        {
            Id = Guid.CreateVersion7(), Tenant = caller.Tenant, Owner = caller.Person, Name = name, Visibility = visibility, CreatedAt = now,
        };
        db.Add(row);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return row;
    }

    /// <summary>What is null stays. Who has joined agreed to what they agreed to, whatever the class asks for now.</summary>
    /// <inheritdoc cref="FindTaughtAsync"/>
    public async Task<ClassRow> ChangeAsync(
        Caller caller, Guid id, string? name, string? visibility, bool? archived, CancellationToken cancellationToken)
    {
        var row = await TaughtBy(caller).SingleOrDefaultAsync(c => c.Id == id, cancellationToken) ?? throw NotFound(id);
        row.Name = name ?? row.Name;
        row.Visibility = visibility ?? row.Visibility;
        if (archived is { } wanted && wanted != row.ArchivedAt is not null)
            row.ArchivedAt = wanted ? time.GetStoredNow() : null;
        await db.SaveChangesAsync(cancellationToken);
        return row;
    }

    /// <summary>One whose teachers the caller names: they have it, or own the tenant.</summary>
    /// <inheritdoc cref="FindTaughtAsync"/>
    /// <exception cref="ProblemException">403 <c>forbidden_role</c>: they teach it only.</exception>
    public async Task<ClassRow> FindLedAsync(Caller caller, Guid id, CancellationToken cancellationToken)
    {
        var row = await FindTaughtAsync(caller, id, cancellationToken);
        return caller.Role == Role.Owner || row.Owner == caller.Person
            ? row
            : throw new ProblemException(
                403, ErrorCodes.ForbiddenRole, "This is for the teacher who has the class, and for owners.");
    }

    /// <summary>Those beside the one who has it.</summary>
    public Task<List<ClassTeacher>> TeachersAsync(ClassRow row, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => db.Set<ClassTeacher>().AsNoTracking()
            .Where(t => t.ClassId == row.Id && t.Tenant == row.Tenant)
            .OrderBy(t => t.AddedAt).ThenBy(t => t.Person).ToListAsync(cancellationToken));

    /// <summary>
    /// Lets a member who is a teacher or an owner teach the class too. Done again, it changes nothing.
    /// </summary>
    /// <exception cref="ProblemException">409 <c>limit_reached</c>.</exception>
    public async Task AddTeacherAsync(ClassRow row, string person, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockAsync(row, cancellationToken);
        var most = options.Value.MaxTeachers;
        if (await db.Set<ClassTeacher>().CountAsync(t => t.ClassId == row.Id && t.Person != person, cancellationToken) >= most)
            throw Full($"A class may have {most} teachers beside the one who has it (Classes:MaxTeachers).");
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO class_teachers (class_id, person, tenant, added_at)
             SELECT id, {person}, tenant, {time.GetStoredNow()} FROM classes WHERE id = {row.Id} AND owner <> {person}
             ON CONFLICT DO NOTHING
             """, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <returns>False where they do not teach it.</returns>
    public async Task<bool> RemoveTeacherAsync(ClassRow row, string person, CancellationToken cancellationToken) =>
        await db.Set<ClassTeacher>().Where(t => t.ClassId == row.Id && t.Tenant == row.Tenant && t.Person == person)
            .ExecuteDeleteAsync(cancellationToken) > 0;

    /// <summary>
    /// Gives the class to a member who is a teacher or an owner. Who had it teaches it no more, until they are named
    /// again.
    /// </summary>
    /// <exception cref="ProblemException">409 <c>limit_reached</c>: of classes of theirs.</exception>
    public async Task<ClassRow> HandOverAsync(ClassRow row, string person, CancellationToken cancellationToken)
    {
        await using var transaction =
            await db.Database.BeginCountedAsync("classes", $"{row.Tenant} {person}", cancellationToken);
        var (most, others) = (options.Value.MaxClasses,
            db.Set<ClassRow>().Where(c => c.Tenant == row.Tenant && c.Owner == person && c.Id != row.Id));
        if (await others.CountAsync(cancellationToken) >= most)
            throw Full($"A teacher may have {most} classes (Classes:MaxClasses), and they have so many.");
        await db.Set<ClassRow>().Where(c => c.Id == row.Id && c.Tenant == row.Tenant)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Owner, person), cancellationToken);
        await RemoveTeacherAsync(row, person, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        row.Owner = person;
        return row;
    }

    /// <summary>
    /// Of who teaches no more in a tenant, in the caller's transaction: the classes that they have become another's,
    /// and they teach none beside others.
    /// </summary>
    public async Task PassOnAsync(string tenant, string person, string heir, CancellationToken cancellationToken)
    {
        await db.Set<ClassRow>().Where(c => c.Tenant == tenant && c.Owner == person)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Owner, heir), cancellationToken);
        await db.Set<ClassTeacher>().Where(t => t.Tenant == tenant && t.Person == person).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>
    /// Puts a member of the tenant into a class, in the caller's transaction; one who is in it agrees anew.
    /// </summary>
    /// <param name="visibility">What they agreed to; null: what the class asks for.</param>
    /// <exception cref="ProblemException">
    /// 403 <c>invalid_invitation</c>: the class is archived or gone; 409 <c>conflict</c>: it asks for something else meanwhile;
    /// <c>limit_reached</c>.
    /// </exception>
    public async Task JoinAsync(
        string tenant, Guid id, string person, string? visibility, CancellationToken cancellationToken)
    {
        // Whoever joins waits for the others, and for who archives it: the bound holds, and nobody comes too late.
        var row = await db.Set<ClassRow>().FromSql($"SELECT * FROM classes WHERE id = {id} FOR UPDATE").AsNoTracking()
            .SingleOrDefaultAsync(c => c.Tenant == tenant && c.ArchivedAt == null, cancellationToken)
            ?? throw new ProblemException(403, ErrorCodes.InvalidInvitation, "The class of this code is archived or gone.");
        if (visibility is not null && visibility != row.Visibility)
            throw Conflict("The class asks for something else now: look at its visibility again before you join.");
        await AddAsync(row, [person], row.Visibility, cancellationToken);
    }

    /// <summary>Adds students to a class that the caller's transaction has locked.</summary>
    /// <exception cref="ProblemException">409 <c>limit_reached</c>.</exception>
    public async Task AddAsync(
        ClassRow row, string[] persons, string visibility, CancellationToken cancellationToken)
    {
        var others = await db.Set<ClassMember>().CountAsync(
            m => m.ClassId == row.Id && !persons.Contains(m.Person), cancellationToken);
        if (others + persons.Length > options.Value.MaxMembers)
            throw Full($"A class may have {options.Value.MaxMembers} students (Classes:MaxMembers), and has {others}.");
        var now = time.GetStoredNow();
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO class_members (class_id, person, tenant, visibility, joined_at, agreed_at)
             SELECT {row.Id}, person, {row.Tenant}, {visibility}, {now}, {now} FROM unnest({persons}) AS u(person)
             ON CONFLICT (class_id, person) DO UPDATE SET visibility = EXCLUDED.visibility, agreed_at = EXCLUDED.agreed_at
             """, cancellationToken);
    }

    /// <summary>Locks a class against joining and archiving, in the caller's transaction.</summary>
    public Task<int> LockAsync(ClassRow row, CancellationToken cancellationToken) =>
        db.Database.ExecuteSqlAsync($"SELECT FROM classes WHERE id = {row.Id} FOR UPDATE", cancellationToken);

    /// <summary>A student agrees to what the class asks for, or to less.</summary>
    /// <returns>False where they are not in it.</returns>
    public async Task<bool> AgreeAsync(Caller caller, Guid id, string visibility, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetStoredNow();
        return await Mine(caller, id).ExecuteUpdateAsync(
            set => set.SetProperty(m => m.Visibility, visibility).SetProperty(m => m.AgreedAt, now), cancellationToken) > 0;
    }

    /// <returns>False where they are not in it.</returns>
    public async Task<bool> LeaveAsync(Caller caller, Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Mine(caller, id).ExecuteDeleteAsync(cancellationToken) > 0;
    }

    /// <returns>False where they are not in it.</returns>
    public async Task<bool> RemoveAsync(ClassRow row, string person, CancellationToken cancellationToken) =>
        await db.Set<ClassMember>().Where(m => m.ClassId == row.Id && m.Tenant == row.Tenant && m.Person == person)
            .ExecuteDeleteAsync(cancellationToken) > 0;

    /// <summary>Of all classes of a tenant, in the caller's transaction.</summary>
    public Task<int> LeaveAllAsync(string tenant, string person, CancellationToken cancellationToken) =>
        db.Set<ClassMember>().Where(m => m.Tenant == tenant && m.Person == person).ExecuteDeleteAsync(cancellationToken);

    private IQueryable<ClassMember> Mine(Caller caller, Guid id) => db.Set<ClassMember>()
        .Where(m => m.ClassId == id && m.Tenant == caller.Tenant && m.Person == caller.Person);

    public static ProblemException NotFound(Guid id) =>
        new(404, ErrorCodes.ClassNotFound, $"There is no class {id} of yours.");

    private static ProblemException Conflict(string detail) => new(409, ErrorCodes.Conflict, detail);

    private static ProblemException Full(string detail) => new(409, ErrorCodes.LimitReached, detail);
}
