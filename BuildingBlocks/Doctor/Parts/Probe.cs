namespace Lyceum.Doctor.Parts;

/// <summary>A check that is one question.</summary>
internal sealed class Probe(
    string id, string doc, IReadOnlyList<string> needs, Func<CancellationToken, Task<Outcome>> look) : Check
{
    public override string Id => id;

    public override string Doc => doc;

    public override IReadOnlyList<string> Needs => needs;

    public TimeSpan Within { get; init; } = TimeSpan.FromSeconds(10);

    public override TimeSpan Limit => Within;

    public override Task<Outcome> RunAsync(CancellationToken cancellationToken) => look(cancellationToken);
}
