using ArchUnitNET.Fluent;
using ArchUnitNET.xUnitV3;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Lyceum.Tests.Rules;

/// <summary>Arrows between projects go down only: services use libraries, libraries those below them, and no service another.</summary>
public sealed class ProjectTests
{
    public static TheoryData<string, string> Forbidden()
    {
        var pairs = new TheoryData<string, string>();
        foreach (var project in Product.Projects)
        {
            var allowed = Product.Libraries.TryGetValue(project, out var below) ? below : [.. Product.Libraries.Keys];
            foreach (var other in Product.Projects.Where(other => other != project && !allowed.Contains(other)))
                pairs.Add(project, other);
        }
        return pairs;
    }

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void Project_OfWhatStandsBesideOrAbove_UsesNothing(string project, string other) =>
        Types().That().ResideInNamespaceMatching(Of(project)).Should()
            .NotDependOnAny(Types().That().ResideInNamespaceMatching(Of(other)))
            .WithoutRequiringPositiveResults()
            .Check(Product.Types);

    [Fact]
    public void Library_OfBuildingBlocks_IsNamedInTheRules() =>
        Directory.GetDirectories(Path.Combine(Product.Folder, "BuildingBlocks")).Select(Path.GetFileName)
            .ShouldBeSubsetOf(Product.Libraries.Keys);

    private static string Of(string project) => $@"^Lyceum\.{project}(\..*)?$";
}
