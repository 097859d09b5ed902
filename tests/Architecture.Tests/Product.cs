using ArchUnitNET.Domain;
using ArchUnitNET.Loader;

namespace Lyceum.Tests.Rules;

/// <summary>The product's assemblies, read once.</summary>
internal static class Product
{
    private const string Root = "Lyceum.";

    public static readonly string[] Services = ["ChatApi", "SessionApi", "GpuEngine", "Gateway", "RoadmapWorker"];

    /// <summary>Each library and what it may use. What is not named here is no library.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Libraries = new Dictionary<string, string[]>
    {
        ["Contracts"] = [],
        ["Text"] = [],
        ["DataFolder"] = [],
        ["Doctor"] = ["ServiceDefaults"],
        ["ServiceDefaults"] = [],
        ["Durability"] = ["ServiceDefaults"],
        ["Knowledge"] = ["ServiceDefaults", "Text"],
        ["EngineClient"] = ["ServiceDefaults", "Durability", "Text"],
        ["Jobs"] = ["ServiceDefaults", "Durability", "Contracts", "Text"],
    };

    public static IEnumerable<string> Projects => [.. Services, .. Libraries.Keys];

    public static readonly Architecture Types =
        new ArchLoader().LoadAssemblies([.. Projects.Select(System.Reflection.Assembly.Load)]).Build();

    public static readonly string Folder = FindFolder();

    /// <summary>Where a project's files are.</summary>
    public static string FolderOf(string project) =>
        Directory.Exists(Path.Combine(Folder, "BuildingBlocks", project))
            ? Path.Combine(Folder, "BuildingBlocks", project)
            : Path.Combine(Folder, project);

    /// <summary>All uses of one of the project's types by another, between different folders.</summary>
    public static IEnumerable<Use> UsesIn(string project) =>
        from type in Types.Types
        let source = FolderIn(project, type)
        where source is not null && !IsMigration(source)
        from dependency in type.Dependencies
        // Type parameters of methods that generators write into several classes are taken for each other.
        where !dependency.Target.FullName.Contains("::", StringComparison.Ordinal)
        let target = FolderIn(project, dependency.Target)
        where target is not null && target != source
        select new Use(source, Name(type), target, Name(dependency.Target));

    private static bool IsMigration(string folder) => folder.EndsWith("Migrations", StringComparison.Ordinal);

    /// <summary>The folder below the project's that the type stands in, "" for the project's own; null if it is not the project's.</summary>
    private static string? FolderIn(string project, IType type)
    {
        var root = Root + project;
        var space = type.Namespace?.FullName ?? ""; // what the compiler generates has none
        return space == root ? "" : space.StartsWith(root + ".", StringComparison.Ordinal) ? space[(root.Length + 1)..] : null;
    }

    /// <summary>Without what the compiler made of a method inside it.</summary>
    private static string Name(IType type)
    {
        var name = type.FullName[(type.Namespace.FullName.Length + 1)..];
        return name.Split('+', '/')[0];
    }

    private static string FindFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Solution.sln")))
            folder = folder.Parent;
        return folder.FullName;
    }
}

/// <summary>One type uses another one in a different folder of its project. Folders are named with dots.</summary>
internal sealed record Use(string Source, string Type, string Target, string Used)
{
    public override string ToString() => $"{Source}/{Type} uses {Target}/{Used}";
}
