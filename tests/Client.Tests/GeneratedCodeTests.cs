using Lyceum.ClientGenerator;

namespace Lyceum.Tests.Client.Tests;

/// <summary>The client is of the API that is described, route by route.</summary>
public sealed class GeneratedCodeTests
{
    [Fact]
    public async Task GeneratedCode_OfTheCommittedDescription_IsTheCommittedOne()
    {
        var code = await ClientCode.GenerateAsync(Path.Combine(Repository.Root, "docs", "openapi.json"));

        var committed = await File.ReadAllTextAsync(Path.Combine(Repository.Root, ClientCode.File));
        (committed.ReplaceLineEndings("\n") == code).ShouldBeTrue(
            $"docs/openapi.json has changed: dotnet run --project clients/dotnet/Generator writes {ClientCode.File} anew");
    }
}
