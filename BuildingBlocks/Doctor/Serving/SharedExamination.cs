using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Doctor.Serving;

/// <summary>
/// One examination at a time: who asks for the same meanwhile gets its findings too, who asks for another is told to come back.
/// It goes on when they leave, and ends after <see cref="Limit"/>.
/// </summary>
public sealed class SharedExamination
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private string _asked = ""; // under _lock, as the next
    private Task<IReadOnlyList<Finding>>? _running;

    /// <param name="only">As <see cref="Examination.RunAsync"/> has it; what it is known by.</param>
    /// <exception cref="ProblemException">429 <c>overloaded</c>; 504 <c>timeout</c>.</exception>
    public async Task<IReadOnlyList<Finding>> RunAsync(
        IReadOnlyList<string> only, Func<CancellationToken, Task<IReadOnlyList<Finding>>> examine, CancellationToken cancellationToken)
    {
        try
        {
            return await Begin(string.Join(' ', only.Order(StringComparer.Ordinal)), examine).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(504, ErrorCodes.Timeout, $"The examination took longer than {Limit.TotalSeconds:0} s. Ask with only=.");
        }
    }

    private Task<IReadOnlyList<Finding>> Begin(string asked, Func<CancellationToken, Task<IReadOnlyList<Finding>>> examine)
    {
        lock (_lock)
        {
            if (_running is not { IsCompleted: false })
                (_asked, _running) = (asked, Task.Run(() => LimitedAsync(examine), CancellationToken.None));
            else if (_asked != asked)
                throw new ProblemException(429, ErrorCodes.Overloaded, "Another examination is going on.", TimeSpan.FromSeconds(5));
            return _running;
        }
    }

    private static async Task<IReadOnlyList<Finding>> LimitedAsync(Func<CancellationToken, Task<IReadOnlyList<Finding>>> examine)
    {
        using var limit = new CancellationTokenSource(Limit);
        return await examine(limit.Token).WaitAsync(limit.Token);
    }
}
