namespace Lyceum.Tests.Rules;

/// <summary>Inside a project no two folders need each other, a folder is no heap, and a namespace says where its file stands.</summary>
public sealed class FolderTests
{
    private const int MostFiles = 25;

    /// <summary>Folders that must know each other, as <c>project: folder, folder</c>, with the reason.</summary>
    private static readonly Dictionary<string, string> Allowed = [];

    public static TheoryData<string> Projects => [.. Product.Projects];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_OfAProject_DoNotNeedEachOther(string project)
    {
        var uses = Product.UsesIn(project).ToList();
        var circles = Circles.Levels(uses).SelectMany(level => Circles.Below(level, uses))
            .Where(circle => !Allowed.ContainsKey($"{project}: {circle.Split(" need each other")[0]}"))
            .ToList();
        if (circles.Count > 0)
            Assert.Fail(string.Join("\n\n", circles));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folder_Files_AreFew(string project) => Sources(project)
        .GroupBy(file => Path.GetDirectoryName(file)!)
        .Where(folder => folder.Count() > MostFiles)
        .Select(folder => $"{folder.Key}: {folder.Count()} files")
        .ShouldBeEmpty();

    [Theory]
    [MemberData(nameof(Projects))]
    public void Namespace_OfAFile_IsItsFolder(string project) => Sources(project)
        .Select(file => (File: file, Declared: Declared(file), Folder: Expected(project, file)))
        .Where(source => source.Declared is not null && source.Declared != source.Folder)
        .Select(source => $"{source.File} declares {source.Declared}")
        .ShouldBeEmpty();

    private static IEnumerable<string> Sources(string project) =>
        Directory.EnumerateFiles(Product.FolderOf(project), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin" or "Migrations"));

    private static string? Declared(string file) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))?["namespace ".Length..].TrimEnd(';');

    private static string Expected(string project, string file)
    {
        var folder = Path.GetRelativePath(Product.FolderOf(project), Path.GetDirectoryName(file)!);
        return $"Lyceum.{project}" + (folder == "." ? "" : "." + folder.Replace(Path.DirectorySeparatorChar, '.'));
    }
}
