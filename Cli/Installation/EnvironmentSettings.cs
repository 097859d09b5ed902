using System.Text;

namespace Lyceum.Cli.Installation;

/// <summary>The operator's choices as lines of an environment file, each with its explanation.</summary>
internal static class EnvironmentSettings
{
    public static void Append(StringBuilder text)
    {
        foreach (var group in Settings.Groups)
        {
            text.Append('\n');
            foreach (var line in group.Title.Split('\n'))
                text.Append("# ").Append(line).Append('\n');
            foreach (var setting in group.Settings)
            {
                var secret = setting.IsSecret ? " (a secret)" : "";
                var fallback = IsValue(setting) ? "" : setting.Default.Length == 0 ? ". Default: none" : $". Default: {setting.Default}";
                text.Append("# ").Append(setting.Explanation).Append(secret).Append(fallback).Append('\n');
                text.Append('#').Append(setting.Key).Append('=').Append(IsValue(setting) ? setting.Default : "").Append('\n');
            }
        }
    }

    /// <summary>Some defaults are said in words.</summary>
    private static bool IsValue(Setting setting) => setting.Default.Length > 0 && !setting.Default.Contains(' ');
}
