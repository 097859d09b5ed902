using System.Text.Json.Serialization;

namespace Lyceum.Doctor;

/// <summary>How a check ended.</summary>
[JsonConverter(typeof(VerdictConverter))]
public enum Verdict
{
    Ok,

    /// <summary>It works, and will not for long, or not for everybody.</summary>
    Warn,
    Fail,

    /// <summary>Not looked at; <see cref="Finding.Saw"/> says why, and names the check that stands in its way.</summary>
    Skipped,
}

internal sealed class VerdictConverter() : JsonStringEnumConverter<Verdict>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower);

/// <summary>What one check found.</summary>
/// <param name="Id">Stable, such as <c>LYC-NET-001</c>.</param>
/// <param name="Saw">What is there, with the place: a hop, a setting, an object of a file and its line.</param>
/// <param name="Expected">What would be right.</param>
/// <param name="Fix">What to do, with the name of the setting. Null: nothing.</param>
/// <param name="Doc">A page of the documentation: <c>docs/hops.md</c>.</param>
/// <param name="Ms">Milliseconds that the check took.</param>
public sealed record Finding(string Id, Verdict Verdict, string Saw, string Expected, string? Fix, string? Doc, double Ms);
