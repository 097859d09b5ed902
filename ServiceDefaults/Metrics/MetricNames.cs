using System.Diagnostics.Metrics;
using System.Text;

namespace Lyceum.ServiceDefaults.Metrics;

internal enum MetricKind { Counter, Gauge, Histogram }

/// <summary>
/// From instrument names (<c>http.server.request.duration</c>, unit <c>s</c>) to Prometheus' (
/// <c>http_server_request_duration_seconds</c>), by the rules <c>promtool check metrics</c> enforces: base units in the
/// name, <c>_total</c> on counters and nowhere else, no suffix that means another type.
/// </summary>
internal static class MetricNames
{
    /// <returns>The name, and the factor from the instrument's unit to the base unit.</returns>
    public static (string Name, double Scale) Of(Instrument instrument, MetricKind kind)
    {
        var (suffix, scale) = Unit(instrument.Unit, kind);
        var name = Sanitise(instrument.Name);
        foreach (var reserved in (ReadOnlySpan<string>)["_total", "_count", "_sum", "_bucket", "_counter", "_gauge", "_histogram"])
        {
            if (name.EndsWith(reserved, StringComparison.Ordinal) && name.Length > reserved.Length)
                name = name[..^reserved.Length];
        }

        if (suffix.Length > 0 && !name.EndsWith(suffix, StringComparison.Ordinal))
            name += suffix;
        return (kind == MetricKind.Counter ? name + "_total" : name, scale);
    }

    private static (string Suffix, double Scale) Unit(string? unit, MetricKind kind) => unit switch
    {
        "s" => ("_seconds", 1),
        "ms" => ("_seconds", 1e-3),
        "us" => ("_seconds", 1e-6),
        "ns" => ("_seconds", 1e-9),
        "min" => ("_seconds", 60),
        "By" => ("_bytes", 1),
        "KiBy" => ("_bytes", 1024),
        "MiBy" => ("_bytes", 1024 * 1024),
        "Cel" => ("_celsius", 1),
        "W" => ("_watts", 1),
        "%" => ("_ratio", 1e-2),
        "1" when kind == MetricKind.Gauge => ("_ratio", 1),
        // Annotations in braces, {request}, say what is counted, as the name already does.
        _ => ("", 1),
    };

    /// <summary>Letters, digits and single underscores; never a leading digit.</summary>
    public static string Sanitise(string name)
    {
        var clean = new StringBuilder(name.Length + 1);
        foreach (var c in name)
        {
            var valid = char.IsAsciiLetterOrDigit(c) ? c : '_';
            if (clean.Length == 0 && char.IsAsciiDigit(valid))
                clean.Append('_');
            if (valid != '_' || clean.Length == 0 || clean[^1] != '_')
                clean.Append(valid);
        }

        return clean.Length == 0 ? "_" : clean.ToString();
    }
}
