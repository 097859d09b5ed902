using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Reads uploaded files, on every replica: takes one from the <see cref="DocumentQueue"/>, has it read in a process of its own,
/// and stores its passages together with its new status.
/// </summary>
/// <remarks>
/// A replica that dies holds a file for <see cref="DocumentQueue.Lease"/> at most; one that stops lets go of it at once. A
/// file during which the reader or the replica ended <see cref="MaxAttempts"/> times has failed: it is the cause.
/// </remarks>
internal sealed partial class DocumentWork(
    IServiceScopeFactory scopes, DocumentReader documentReader, DatabaseReady ready, LoopProgress progress, TimeProvider time,
    ILogger<DocumentWork> logger) : BackgroundService
{
    internal const int MaxAttempts = 3;

    /// <summary>For what other replicas left, and where a signal was missed.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Files read at once: half the cores, so that requests are answered meanwhile.</summary>
    private static readonly int AtOnce = Math.Max(1, Environment.ProcessorCount / 2);

    private readonly SemaphoreSlim _uploaded = new(0);

    /// <summary>A file was stored on this replica. Any thread.</summary>
    public void Wake() => _uploaded.Release();

    public override void Dispose()
    {
        _uploaded.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => WorkAsync(stoppingToken)));
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        using var loop = progress.Follow(nameof(DocumentWork));
        while (true)
        {
            try
            {
                while (await ReadOneAsync(stoppingToken))
                    loop.Done();
                loop.Done();
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                loop.Failed(e);
                LogRetry(e, e.Message);
            }
            await _uploaded.WaitAsync(Interval, stoppingToken);
        }
    }

    /// <returns>False where none waits.</returns>
    internal async Task<bool> ReadOneAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var queue = scope.ServiceProvider.GetRequiredService<DocumentQueue>();
        if (await queue.ClaimAsync(cancellationToken) is not { } document)
            return false;
        try
        {
            await ReadAsync(queue, document, cancellationToken);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            await queue.ReleaseAsync(document, CancellationToken.None);
            throw;
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Connection)
        {
            // Not the file's fault: it is no attempt, once the database can be told.
            LogRetry(e, e.Message);
            while (!await TryReleaseAsync(queue, document, cancellationToken))
                await Task.Delay(Interval, time, cancellationToken);
        }
        return true;
    }

    private static async Task<bool> TryReleaseAsync(
        DocumentQueue queue, ClaimedDocument document, CancellationToken cancellationToken)
    {
        try
        {
            await queue.ReleaseAsync(document, cancellationToken);
            return true;
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Connection)
        {
            return false;
        }
    }

    private async Task ReadAsync(DocumentQueue queue, ClaimedDocument document, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        try
        {
            if (document.Attempts > MaxAttempts)
                throw Unreadable.Died(MaxAttempts);
            var read = await ReadClaimedAsync(queue, document, cancellationToken);
            if (read is not null && await queue.RenewAsync(document, DocumentStatus.Indexing, cancellationToken)
                && await queue.FinishAsync(document, read, cancellationToken))
            {
                LogRead(document.Id, document.MediaType, read.Passages.Count, time.GetElapsedTime(started));
                return;
            }
            LogDropped(document.Id);
        }
        catch (ProblemException e)
        {
            await queue.FailAsync(document, e, cancellationToken);
            LogFailed(document.Id, document.MediaType, e.Code, time.GetElapsedTime(started));
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
        {
            // No text that the database refuses can become another by waiting.
            LogRefused(e, document.Id);
            await queue.FailAsync(document, Unreadable.Damaged(DocumentFiles.KindOf(document.MediaType)), cancellationToken);
        }
        catch (ReaderDiedException e)
        {
            LogDied(document.Id, document.Attempts, e.Message);
            if (document.Attempts < MaxAttempts)
                await queue.RetryAsync(document, cancellationToken);
            else
                await queue.FailAsync(document, Unreadable.Died(MaxAttempts), cancellationToken);
        }
    }

    /// <summary>Renews the claim for as long as the file is being read.</summary>
    /// <returns>Null where it is not this claim's any more.</returns>
    private async Task<IndexedDocument?> ReadClaimedAsync(
        DocumentQueue queue, ClaimedDocument document, CancellationToken cancellationToken)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (await queue.OriginalAsync(document, cancellationToken) is not { } file)
            return null;
        var reading = documentReader.ReadFileAsync(document.MediaType, document.Name, file, lost.Token);
        using var renewal = new PeriodicTimer(DocumentQueue.Lease / 4, time);
        try
        {
            var tick = renewal.WaitForNextTickAsync(cancellationToken).AsTask();
            while (await Task.WhenAny(reading, tick) != reading)
            {
                await tick;
                if (!await queue.RenewAsync(document, DocumentStatus.Reading, cancellationToken))
                    return null;
                tick = renewal.WaitForNextTickAsync(cancellationToken).AsTask();
            }
            return await reading;
        }
        finally
        {
            await lost.CancelAsync();
            await Task.WhenAny(reading); // its process is gone when this ends
        }
    }

    [LoggerMessage(LogLevel.Information, "document {Document} ({MediaType}) read: {Passages} passages in {Elapsed}")]
    private partial void LogRead(Guid document, string mediaType, int passages, TimeSpan elapsed);

    [LoggerMessage(LogLevel.Information, "document {Document} ({MediaType}) failed: {Failure} after {Elapsed}")]
    private partial void LogFailed(Guid document, string mediaType, string failure, TimeSpan elapsed);

    [LoggerMessage(LogLevel.Information, "document {Document} was deleted, replaced or taken over while it was read")]
    private partial void LogDropped(Guid document);

    [LoggerMessage(LogLevel.Error, "document {Document} failed: the database refuses its text")]
    private partial void LogRefused(Exception reason, Guid document);

    [LoggerMessage(LogLevel.Warning, "document {Document} not read in attempt {Attempt}: {Reason}")]
    private partial void LogDied(Guid document, int attempt, string reason);

    [LoggerMessage(LogLevel.Warning, "documents not read, trying again: {Reason}")]
    private partial void LogRetry(Exception exception, string reason);
}
