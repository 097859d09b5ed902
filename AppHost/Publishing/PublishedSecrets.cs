using System.Net;
using System.Text.Json;

namespace Lyceum.AppHost.Publishing;

/// <summary>Values that the published model must not contain: secrets become parameters, this machine's addresses and files are refused.</summary>
internal static class PublishedSecrets
{
    /// <summary>A secret whose value is asked for by whoever publishes; the same one for all that name it.</summary>
    public static IResourceBuilder<ParameterResource> AddSecret(this IDistributedApplicationBuilder builder, string name) =>
        builder.Resources.OfType<ParameterResource>().FirstOrDefault(parameter => parameter.Name == name) is { } there
            ? builder.CreateResourceBuilder(there)
            : builder.AddParameter(name, secret: true);

    /// <summary>A password that whoever publishes makes up once and keeps. It goes into addresses and SQL: letters and digits.</summary>
    public static IResourceBuilder<ParameterResource> AddGeneratedPassword(this IDistributedApplicationBuilder builder, string name) =>
        builder.AddParameter(name, new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true);

    /// <summary>
    /// A setting of AppHost's own configuration, passed on. Published, a secret's value stays here, and what has a meaning on this
    /// machine alone is refused.
    /// </summary>
    /// <param name="name"><c>Llm__ApiKey</c></param>
    public static void WithSetting(this IResourceBuilder<ProjectResource> replica, string name, string value)
    {
        var builder = replica.ApplicationBuilder;
        if (builder.ExecutionContext.IsRunMode)
            replica.WithEnvironment(name, value);
        else if (IsSecret(name))
            replica.WithEnvironment(name, builder.AddSecret(ParameterName(name)));
        else
            replica.WithEnvironment(name, NotOfThisMachine(name, value));
    }

    /// <summary>By the last word of its name: <c>Llm__ApiKey</c>, <c>Accounts__Oidc__ClientSecret</c>.</summary>
    internal static bool IsSecret(string name) =>
        SecretWords.Any(word => name.EndsWith(word, StringComparison.OrdinalIgnoreCase))
        || name.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase);

    private static readonly string[] SecretWords = ["Key", "Secret", "Password", "Token"];

    /// <summary><c>Llm__ApiKey</c>: <c>llm-api-key</c>.</summary>
    internal static string ParameterName(string name) => string.Join(
        '-', name.Split("__").Select(part => JsonNamingPolicy.KebabCaseLower.ConvertName(part)));

    public static string NotOfThisMachine(string name, string value)
    {
        var isFile = Path.IsPathFullyQualified(value) && !value.StartsWith("//", StringComparison.Ordinal);
        var isLoopback = Uri.TryCreate(value, UriKind.Absolute, out var url) && !url.IsFile
            && (url.IsLoopback || (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && address.Equals(IPAddress.Any)));
        return isFile || isLoopback
            ? throw new DistributedApplicationException(
                $"{name} is '{value}': it has a meaning on this machine alone, so it cannot be published. Unset it, or give it a value for the host.")
            : value;
    }
}
