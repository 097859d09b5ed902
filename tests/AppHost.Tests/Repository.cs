namespace Lyceum.Tests.AppHost;

/// <summary>Where this checkout is.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    private static string Find(DirectoryInfo folder) =>
        File.Exists(Path.Combine(folder.FullName, "Solution.sln"))
            ? folder.FullName
            : Find(folder.Parent ?? throw new InvalidOperationException("not below a checkout"));
}
