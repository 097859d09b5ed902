using Lyceum.Cli.Backups.Databases;

namespace Lyceum.Cli.Backups.Destinations;

/// <summary>A command of the operator's, which reads the archive. It is killed where there is no whole archive for it.</summary>
internal sealed class CommandDestination(string command) : IDestination
{
    private readonly Tool _tool = Tool.Start("/bin/sh", ["-c", command], reads: true);

    public Stream Stream => _tool.Stream;

    public async Task<string> CompleteAsync(CancellationToken cancellationToken)
    {
        await Stream.FlushAsync(cancellationToken);
        await _tool.CompleteAsync(cancellationToken);
        return $"the command '{command}'";
    }

    public Task<Exception> ExplainAsync(IOException failure, CancellationToken cancellationToken) =>
        _tool.ExplainAsync(failure, cancellationToken);

    public ValueTask DisposeAsync() => _tool.DisposeAsync();
}
