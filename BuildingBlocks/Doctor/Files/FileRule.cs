namespace Lyceum.Doctor.Files;

/// <summary>A rule for files: looks at every object that it is about.</summary>
internal abstract class FileRule(RenderedFiles files) : Check
{
    private const int Told = 10;

    public override string Doc => "docs/doctor-files.md";

    protected RenderedFiles Files { get; } = files;

    /// <summary>In the plural: "images".</summary>
    protected abstract string Subjects { get; }

    protected abstract string Expected { get; }

    protected abstract string Fix { get; }

    /// <summary>For each that it looked at what is wrong there, with its place and line; null where nothing is.</summary>
    protected abstract IEnumerable<string?> Look();

    public sealed override Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var looked = Look().ToList();
        var wrong = looked.OfType<string>().Distinct().ToList();
        if (looked.Count == 0)
            return Task.FromResult(Outcome.Skipped($"no {Subjects} in these files", Expected));
        if (wrong.Count == 0)
            return Task.FromResult(Outcome.Ok($"{looked.Count} {Subjects}"));
        var more = wrong.Count > Told ? $"; and {wrong.Count - Told} more" : "";
        return Task.FromResult(Outcome.Fail(string.Join("; ", wrong.Take(Told)) + more, Expected, Fix));
    }
}
