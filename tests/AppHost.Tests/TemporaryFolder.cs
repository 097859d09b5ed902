namespace Lyceum.Tests.AppHost;

/// <summary>A 0700 folder, with a space in its path, that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo parent = Directory.CreateTempSubdirectory("lyceum-");

    public TemporaryFolder() => Path = parent.CreateSubdirectory("data folder").FullName;

    public string Path { get; }

    public string PathOf(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => parent.Delete(recursive: true);
}
