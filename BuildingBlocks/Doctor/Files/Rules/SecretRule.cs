using System.Text.RegularExpressions;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>Whoever may read a Deployment or a ConfigMap, or the repository with these files, would have it.</summary>
internal sealed partial class SecretRule(RenderedFiles files) : FileRule(files)
{
    private static readonly string[] Words = ["Password", "Secret", "ApiKey", "Api_Key", "Token", "Identity__Key", "AccessKey", "PrivateKey"];
    private static readonly string[] NotSecret = ["File", "Url", "Path", "Name", "Lifetime", "Endpoint"];

    public override string Id => "LYC-K8S-041";

    protected override string Subjects => "variables, arguments and ConfigMaps";

    protected override string Expected => "secrets in Secret objects alone, given as files or by secretKeyRef";

    protected override string Fix => "Move the value to a Secret, and refer to it (secretKeyRef, or a mounted file and the setting …File). Replace it: it was readable.";

    // What is told is the place, never the value.
    protected override IEnumerable<string?> Look() =>
        (from container in Files.Workloads.SelectMany(workload => workload.Containers)
         from variable in container.Node.ItemsAt("env")
         where variable.At("valueFrom") is null
         select IsSecret(variable.TextAt("name") ?? "", variable.TextAt("value")) ? $"{container.Place(variable)}, {variable.TextAt("name")}" : null)
        .Concat(from container in Files.Workloads.SelectMany(workload => workload.Containers)
                from argument in container.Node.ItemsAt("args").Concat(container.Node.ItemsAt("command"))
                select LooksSecret(argument.Text()) ? $"{container.Place(argument)}: an argument" : null)
        .Concat(from map in Files.Of("ConfigMap", "v1")
                from field in map.Root.At("data").Fields()
                select IsSecret(field.Name, field.Value.Text()) ? $"{map.Place(field.Place)}, {field.Name}" : null);

    private static bool IsSecret(string name, string? value) => value is { Length: > 0 }
        && (LooksSecret(value) || !value.StartsWith("$(", StringComparison.Ordinal) && HasSecretName(name));

    private static bool HasSecretName(string name) => (Words.Any(word => name.EndsWith(word, StringComparison.OrdinalIgnoreCase)) || name == "PGPASSWORD")
        && !NotSecret.Any(word => name.EndsWith(word, StringComparison.OrdinalIgnoreCase));

    private static bool LooksSecret(string? value) => value is not null
        && (value.Contains("PRIVATE KEY-----", StringComparison.Ordinal) || InUrl.IsMatch(value) || InConnectionString.IsMatch(value));

    [GeneratedRegex(@"[a-z][a-z0-9+.-]{1,20}://[^\s/:@$]{0,100}:[^\s/@$]{1,200}@", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase)]
    private static partial Regex InUrl { get; }

    [GeneratedRegex(@"(?:^|[;\s])(?:password|pwd)\s*=\s*[^;\s$]", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase)]
    private static partial Regex InConnectionString { get; }
}
