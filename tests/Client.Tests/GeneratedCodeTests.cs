using System.Text.Json;
using Lyceum.Client;
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

    /// <summary>What the description leaves open is kept as it came; a class without members would lose it.</summary>
    [Fact]
    public void Document_WithAMemberOfAnyForm_KeepsIt()
    {
        var message = JsonSerializer.Deserialize<MessageView>("""{"usage":{"total_tokens":51},"status":"complete"}""")!;

        message.Usage.ShouldBeOfType<System.Text.Json.JsonElement>().GetProperty("total_tokens").GetInt32().ShouldBe(51);
        typeof(MessageView).Assembly.GetExportedTypes()
            .Where(type => type is { IsClass: true, IsAbstract: false } && type.Namespace == "Lyceum.Client" && !type.IsSubclassOf(typeof(Exception))
                && type.GetProperties().Length == 0 && type.GetMethods().All(method => method.DeclaringType != type))
            .Select(type => type.Name).ShouldBeEmpty();
    }
}
