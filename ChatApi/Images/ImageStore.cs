using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Images;

/// <summary>Images of one caller: every query is filtered by <c>(tenant, person)</c>.</summary>
internal sealed class ImageStore(ChatDb db, DatabaseReady ready, IOptions<ImageOptions> options, TimeProvider time)
{
    private IQueryable<ImageRow> Of(Caller caller) =>
        db.Images.Where(image => image.Tenant == caller.Tenant && image.Person == caller.Person);

    /// <exception cref="ProblemException">409 <c>limit_reached</c>.</exception>
    public async Task<ImageView> AddAsync(Caller caller, EncodedImage image, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var transaction = await db.Database.BeginCountedAsync(
            "images", $"{caller.Tenant} {caller.Person}", cancellationToken);
        await CheckAsync(caller, image.Data.Length, cancellationToken);
        var row = new ImageRow
        {
            Id = Guid.CreateVersion7(), Tenant = caller.Tenant, Person = caller.Person, Type = EncodedImage.Type, Width = image.Width,
            Height = image.Height, Bytes = image.Data.Length, Data = image.Data, CreatedAt = time.GetUtcNow(),
        };
        db.Add(row);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new(row.Id, row.Width, row.Height, row.Bytes, row.Type);
    }

    /// <summary>Whether there is room for one more: before its bytes are read, and again when they are.</summary>
    /// <exception cref="ProblemException">409 <c>limit_reached</c>.</exception>
    public async Task CheckAsync(Caller caller, int bytes, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var held = await Transient.RetryOnceAsync(_ => Of(caller).GroupBy(_ => 1)
            .Select(all => new { Count = all.Count(), Bytes = all.Sum(image => (long)image.Bytes) })
            .SingleOrDefaultAsync(cancellationToken));
        if (held is null || (held.Count < options.Value.MaxImages && held.Bytes + bytes <= options.Value.MaxBytes))
            return;
        throw new ProblemException(409, ErrorCodes.LimitReached,
            $"You have {held.Count} images with {held.Bytes} bytes, and may have {options.Value.MaxImages} (Images:MaxImages) with "
            + $"{options.Value.MaxBytes} bytes (Images:MaxBytes). Delete some of the conversations that have them, or those that no "
            + "question uses.");
    }

    /// <exception cref="ProblemException">404 <c>image_not_found</c>.</exception>
    public async Task<(string Type, byte[] Data, DateTimeOffset At)> ReadAsync(
        Caller caller, Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var found = await Transient.RetryOnceAsync(_ => Of(caller).Where(image => image.Id == id)
            .Select(image => new { image.Type, image.Data, image.CreatedAt }).SingleOrDefaultAsync(cancellationToken));
        return found is null ? throw NotFound(id) : (found.Type, found.Data, found.CreatedAt);
    }

    /// <exception cref="ProblemException">404 <c>image_not_found</c>, 409 <c>image_in_use</c>.</exception>
    public async Task DeleteAsync(Caller caller, Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (await Transient.RetryOnceAsync(_ =>
                Of(caller).Where(image => image.Id == id && image.UsedAt == null).ExecuteDeleteAsync(cancellationToken)) > 0)
            return;
        throw await Transient.RetryOnceAsync(_ => Of(caller).AnyAsync(image => image.Id == id, cancellationToken))
            ? new ProblemException(409, ErrorCodes.ImageInUse,
                "A question has this image. It goes with the conversation; delete that instead.")
            : NotFound(id);
    }

    public static ProblemException NotFound(Guid id) => new(404, ErrorCodes.ImageNotFound, $"There is no image {id} of yours.");
}
