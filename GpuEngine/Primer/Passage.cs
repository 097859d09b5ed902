namespace Lyceum.GpuEngine.Primer;

internal enum Language
{
    English,
    Chinese,
}

/// <summary>A piece of a document, small enough to be quoted.</summary>
/// <param name="Section">The heading it stands under.</param>
/// <param name="Source">Where a reader finds the whole.</param>
/// <param name="Keywords">Words people ask with that the text itself does not use; searched, never quoted.</param>
/// <param name="Number">What it is cited by, where it was given with the request; 0 for the library's.</param>
internal sealed record Passage(string Title, string? Section, string Text, string? Source, string Keywords = "", int Number = 0);
