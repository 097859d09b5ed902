namespace Lyceum.Doctor;

/// <summary>A check that needs others than it says itself.</summary>
/// <param name="needs">Instead of its own.</param>
public sealed class Behind(Check check, IReadOnlyList<string> needs) : Check
{
    public override string Id => check.Id;

    public override string Doc => check.Doc;

    public override IReadOnlyList<string> Needs => needs;

    public override bool Deep => check.Deep;

    public override TimeSpan Limit => check.Limit;

    public override Task<Outcome> RunAsync(CancellationToken cancellationToken) => check.RunAsync(cancellationToken);
}
