using System.Text.Json;

namespace Lyceum.Gateway.Tools.Schemas;

/// <summary>Numbers as JSON Schema means them: 1.0 is an integer, and no number is too large to be compared.</summary>
internal static class JsonNumbers
{
    public static int Compare(JsonElement left, JsonElement right)
    {
        if (left.TryGetInt64(out var a) && right.TryGetInt64(out var b))
            return a.CompareTo(b);
        return left.TryGetDecimal(out var x) && right.TryGetDecimal(out var y)
            ? x.CompareTo(y)
            : left.GetDouble().CompareTo(right.GetDouble());
    }

    public static bool IsInteger(JsonElement number) =>
        number.TryGetInt64(out _)
        || (number.TryGetDecimal(out var value) ? decimal.Truncate(value) == value : double.IsInteger(number.GetDouble()) || double.IsInfinity(number.GetDouble()));

    public static bool IsMultiple(JsonElement number, JsonElement of)
    {
        if (number.TryGetDecimal(out var value) && of.TryGetDecimal(out var step) && step != 0)
            return value % step == 0;
        var ratio = number.GetDouble() / of.GetDouble();
        return double.IsInteger(ratio) || double.IsInfinity(ratio) && IsInteger(number) && IsInteger(of);
    }

    /// <summary>Equal for values that <see cref="JsonElement.DeepEquals"/> calls equal: 1 and 1.0, members in any order.</summary>
    public static int HashOf(JsonElement value)
    {
        var hash = new HashCode();
        hash.Add(value.ValueKind);
        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                hash.Add(value.GetDouble());
                break;
            case JsonValueKind.String:
                hash.Add(value.GetString(), StringComparer.Ordinal);
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                    hash.Add(HashOf(item));
                break;
            case JsonValueKind.Object:
                var members = 0;
                foreach (var member in value.EnumerateObject())
                    members ^= HashCode.Combine(member.Name, HashOf(member.Value));
                hash.Add(members);
                break;
        }
        return hash.ToHashCode();
    }
}
