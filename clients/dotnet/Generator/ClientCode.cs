using System.Text.Json.Nodes;
using NJsonSchema;
using NJsonSchema.CodeGeneration;
using NJsonSchema.CodeGeneration.CSharp;
using NSwag;
using NSwag.CodeGeneration;
using NSwag.CodeGeneration.CSharp;
using NSwag.CodeGeneration.OperationNameGenerators;

namespace Lyceum.ClientGenerator;

/// <summary>The part of the client that is generated: one method for each route, one class for each document.</summary>
public static class ClientCode
{
    /// <summary>Where it is, from the repository's root.</summary>
    public const string File = "clients/dotnet/Lyceum.Client/Generated/LyceumApi.cs";

    public static async Task<string> GenerateAsync(string openApiFile)
    {
        var description = JsonNode.Parse(await System.IO.File.ReadAllTextAsync(openApiFile))!.AsObject();
        var document = await OpenApiDocument.FromJsonAsync(Description.Simplify(description).ToJsonString());
        var settings = new CSharpClientGeneratorSettings
        {
            ClassName = "LyceumApi",
            ParameterNameGenerator = new Names(),
            OperationNameGenerator = new SingleClientFromOperationIdOperationNameGenerator(),
            ExceptionClass = "LyceumException",
            GenerateExceptionClasses = false,
            GenerateOptionalParameters = true,
            InjectHttpClient = true,
            DisposeHttpClient = false,
            UseBaseUrl = false,
            CSharpGeneratorSettings =
            {
                Namespace = "Lyceum.Client",
                PropertyNameGenerator = new Names(),
                JsonLibrary = CSharpJsonLibrary.SystemTextJson,
                ClassStyle = CSharpClassStyle.Poco,
                GenerateNullableReferenceTypes = true,
                GenerateDataAnnotations = false,
                GenerateOptionalPropertiesAsNullable = true,
                DateType = "System.DateOnly",
                ArrayType = "System.Collections.Generic.IReadOnlyList",
                ArrayInstanceType = "System.Collections.Generic.List",
                ArrayBaseType = "System.Collections.Generic.List",
                DictionaryType = "System.Collections.Generic.IReadOnlyDictionary",
                RequiredPropertiesMustBeDefined = false,
            },
        };
        var code = new CSharpClientGenerator(document, settings).GenerateFile().ReplaceLineEndings("\n");
        return string.Join('\n', code.Split('\n').Select(line => line.TrimEnd())).TrimEnd() + "\n";
    }

    /// <summary>C#'s names for what is snake_case on the wire.</summary>
    private sealed class Names : IPropertyNameGenerator, IParameterNameGenerator
    {
        public string Generate(JsonSchemaProperty property) => Description.Pascal(property.Name);

        public string Generate(OpenApiParameter parameter, IEnumerable<OpenApiParameter> allParameters)
        {
            var pascal = Description.Pascal(parameter.Name);
            return char.ToLowerInvariant(pascal[0]) + pascal[1..];
        }
    }
}
