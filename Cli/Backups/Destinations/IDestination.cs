namespace Lyceum.Cli.Backups.Destinations;

/// <summary>Where an archive goes to. What is disposed of without being completed leaves nothing there.</summary>
internal interface IDestination : IAsyncDisposable
{
    Stream Stream { get; }

    /// <summary>The archive is whole: it is there for good when this returns.</summary>
    /// <returns>Where, for people.</returns>
    Task<string> CompleteAsync(CancellationToken cancellationToken);

    /// <summary>Why a write failed, where the destination knows more than the exception.</summary>
    Task<Exception> ExplainAsync(IOException failure, CancellationToken cancellationToken);
}
