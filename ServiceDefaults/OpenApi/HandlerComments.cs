using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Lyceum.ServiceDefaults.OpenApi;

/// <summary>
/// What handlers say of themselves, from the XML documentation file beside their assembly. The framework's generator
/// knows public members only, and handlers are private.
/// </summary>
internal static partial class HandlerComments
{
    private static readonly ConcurrentDictionary<Assembly, ILookup<string, string>> Summaries = new();

    /// <summary>The summary of <paramref name="handler"/> as Markdown; null if it has none.</summary>
    public static string? SummaryOf(MethodInfo handler)
    {
        var type = handler.DeclaringType is { IsGenericType: true } generic
            ? generic.GetGenericTypeDefinition() : handler.DeclaringType;
        var name = $"M:{type?.FullName?.Replace('+', '.')}.{handler.Name}";
        return type is null ? null : Summaries.GetOrAdd(type.Assembly, Read)[name].FirstOrDefault();
    }

    /// <summary>By the name of the member without its parameters: handlers of one class are not overloads.</summary>
    private static ILookup<string, string> Read(Assembly assembly)
    {
        var file = Path.Combine(AppContext.BaseDirectory, $"{assembly.GetName().Name}.xml");
        var members = File.Exists(file) ? XDocument.Load(file).Descendants("member") : [];
        return members.Where(member => member.Element("summary") is not null).ToLookup(
            member => member.Attribute("name")!.Value.Split('(')[0],
            member => Spaces().Replace(string.Concat(member.Element("summary")!.Nodes().Select(Text)), " ").Trim());
    }

    private static string Text(XNode node) => node switch
    {
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement { IsEmpty: true } reference =>
            $"`{(reference.Attribute("name") ?? reference.Attribute("langword") ?? reference.Attribute("cref"))?.Value.Split('.', ':')[^1]}`",
        XElement element => string.Concat(element.Nodes().Select(Text)),
        XText text => text.Value,
        _ => "",
    };

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    private static partial Regex Spaces();
}
