using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Gateway.Tools.Schemas;

/// <summary>
/// One value against one schema. With <paramref name="errors"/> it goes on after an error and collects them; without,
/// it ends soon after the first. Schemas come from outside and may refer to themselves, so the work is bounded: a value
/// that takes more than <see cref="MaxSteps"/>, or <see cref="MaxTime"/>, does not fit. Whatever can repeat takes a
/// step each time, and what reads a text takes steps by its length.
/// </summary>
/// <param name="cancellation">Throws where the caller has gone.</param>
internal ref struct SchemaWalk(SchemaErrors? errors, CancellationToken cancellation)
{
    /// <summary>
    /// Schemas applied, members and entries looked at, <see cref="BytesPerStep"/> read; a large honest input takes some
    /// ten thousand.
    /// </summary>
    private const int MaxSteps = 250_000;

    /// <summary>Of a text, a number or a value that is compared.</summary>
    private const int BytesPerStep = 64;

    /// <summary>Steps between two looks at the clock and the cancellation.</summary>
    private const int StepsPerLook = 1024;

    /// <summary>Never reached by steps alone: a pattern may take more time than its text is long.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(1);

    /// <summary>Schemas within schemas: an input is 64 deep at most, and each level may take a few.</summary>
    private const int MaxDepth = 400;

    /// <summary>Bits of <c>required</c> kept on the stack.</summary>
    private const int FewNames = 256;

    private SchemaErrors? _errors = errors;
    private readonly long _started = Stopwatch.GetTimestamp();
    private int _steps = MaxSteps;
    private int _untilLook = StepsPerLook;
    private int _depth;

    /// <summary>The walk was given up: the value does not fit, whatever the result (<c>not</c> inverts it).</summary>
    public readonly bool IsGivenUp => _steps < 0;

    public bool Check(SchemaNode node, JsonElement value)
    {
        if (!Spend(1) || _depth >= MaxDepth)
            return GiveUp();
        if (node.Never)
            return Error("is not allowed here");
        _depth++;
        var fits = CheckType(node, value);
        if (fits || !IsQuick)
        {
            fits &= value.ValueKind switch
            {
                JsonValueKind.Number => CheckNumber(node, value),
                JsonValueKind.String => CheckString(node, value),
                JsonValueKind.Array => !node.LooksAtArrays || CheckArray(node, value),
                JsonValueKind.Object => !node.LooksAtObjects || CheckObject(node, value),
                _ => true,
            };
        }
        if (fits || !IsQuick)
            fits &= CheckCombined(node, value);
        _depth--;
        return fits;
    }

    private readonly bool IsQuick => _errors is null || _errors.IsFull || IsGivenUp;

    /// <returns>False: the walk is given up.</returns>
    private bool Spend(int steps)
    {
        if (_steps < 0 || (_steps -= steps) < 0)
            return GiveUp();
        return (_untilLook -= steps) > 0 || Look();
    }

    /// <summary>Reading a value of so many bytes.</summary>
    private bool SpendOn(int bytes) => Spend(1 + bytes / BytesPerStep);

    private bool Look()
    {
        cancellation.ThrowIfCancellationRequested();
        _untilLook = StepsPerLook;
        return Stopwatch.GetElapsedTime(_started) < MaxTime || GiveUp();
    }

    private static int Bytes(JsonElement value) => JsonMarshal.GetRawUtf8Value(value).Length;

    private bool AreEqual(JsonElement one, JsonElement other) =>
        SpendOn(Math.Min(Bytes(one), Bytes(other))) && JsonElement.DeepEquals(one, other);

    private bool GiveUp()
    {
        _steps = -1;
        return false;
    }

    private readonly bool Error(string message)
    {
        _errors?.Add(message);
        return false;
    }

    /// <summary>Whether it fits, without reporting errors: for alternatives.</summary>
    private bool Fits(SchemaNode node, JsonElement value)
    {
        (var telling, _errors) = (_errors, null);
        var fits = Check(node, value);
        _errors = telling;
        return fits;
    }

    private bool CheckAt(SchemaNode node, JsonElement value, string segment)
    {
        _errors?.Enter(segment);
        var fits = Check(node, value);
        _errors?.Leave();
        return fits;
    }

    private bool CheckType(SchemaNode node, JsonElement value)
    {
        if (node.Types != JsonTypes.None && !Is(node.Types, value))
            return Error($"must be {Words(node.Types)}");
        if (node.Const is { } only && !AreEqual(only, value))
            return !IsQuick && Error($"must be {Excerpt(only)}");
        if (node.Enum is null)
            return true;
        foreach (var allowed in node.Enum)
        {
            if (AreEqual(allowed, value))
                return true;
            if (IsGivenUp)
                return false;
        }
        return !IsQuick && Error($"must be one of {string.Join(", ", node.Enum.Take(10).Select(Excerpt))}");
    }

    private static bool Is(JsonTypes types, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => types.HasFlag(JsonTypes.Null),
        JsonValueKind.True or JsonValueKind.False => types.HasFlag(JsonTypes.Boolean),
        JsonValueKind.Object => types.HasFlag(JsonTypes.Object),
        JsonValueKind.Array => types.HasFlag(JsonTypes.Array),
        JsonValueKind.String => types.HasFlag(JsonTypes.String),
        JsonValueKind.Number => types.HasFlag(JsonTypes.Number) || types.HasFlag(JsonTypes.Integer) && JsonNumbers.IsInteger(value),
        _ => false,
    };

    private static string Words(JsonTypes types) => string.Join(" or ", Enum.GetValues<JsonTypes>()
        .Where(type => type != JsonTypes.None && types.HasFlag(type)).Select(type => type switch
        {
            JsonTypes.Null => "null",
            JsonTypes.Object or JsonTypes.Array or JsonTypes.Integer => $"an {type.ToString().ToLowerInvariant()}",
            _ => $"a {type.ToString().ToLowerInvariant()}",
        }));

    private static string Excerpt(JsonElement value) =>
        value.GetRawText() is { Length: > 60 } text ? string.Concat(text.AsSpan(0, 60), "…") : value.GetRawText();

    private bool CheckNumber(SchemaNode node, JsonElement value)
    {
        if (!SpendOn(Bytes(value)))
            return false;
        var fits = true;
        if (node.Minimum is { } minimum && JsonNumbers.Compare(value, minimum) < 0)
            fits = Error($"must be at least {minimum}");
        if (node.Maximum is { } maximum && JsonNumbers.Compare(value, maximum) > 0)
            fits = Error($"must be at most {maximum}");
        if (node.ExclusiveMinimum is { } above && JsonNumbers.Compare(value, above) <= 0)
            fits = Error($"must be more than {above}");
        if (node.ExclusiveMaximum is { } below && JsonNumbers.Compare(value, below) >= 0)
            fits = Error($"must be less than {below}");
        if (node.MultipleOf is { } step && !JsonNumbers.IsMultiple(value, step))
            fits = Error($"must be a multiple of {step}");
        return fits;
    }

    private bool CheckString(SchemaNode node, JsonElement value)
    {
        if (node.MinLength is null && node.MaxLength is null && node.Pattern is null)
            return true;
        if (!SpendOn(Bytes(value)))
            return false;
        var fits = true;
        var length = Length(value);
        if (length < node.MinLength)
            fits = Error($"must have at least {node.MinLength} characters");
        if (length > node.MaxLength)
            fits = Error($"must have at most {node.MaxLength} characters");
        if (node.Pattern is { } pattern && (fits || !IsQuick) && !IsMatch(pattern, value.GetString()!))
            fits = Error("must match the schema's pattern");
        return fits;
    }

    /// <summary>In Unicode code points, as the specification has it.</summary>
    private static int Length(JsonElement value)
    {
        var quoted = JsonMarshal.GetRawUtf8Value(value);
        if (quoted.Contains((byte)'\\'))
            return value.GetString()!.EnumerateRunes().Count();
        var length = -2;
        foreach (var b in quoted)
            length += (b & 0xC0) != 0x80 ? 1 : 0;
        return length;
    }

    private bool IsMatch(Regex pattern, string text)
    {
        // A text costs a pattern more than reading it, and a short one costs the call.
        if (!Spend(4) || !SpendOn(4 * text.Length))
            return false;
        try
        {
            return pattern.IsMatch(text) && (text.Length < BytesPerStep || Look());
        }
        catch (RegexMatchTimeoutException)
        {
            return GiveUp();
        }
    }

    private bool CheckArray(SchemaNode node, JsonElement value)
    {
        var fits = true;
        var count = value.GetArrayLength();
        if (count < node.MinItems)
            fits = Error($"must have at least {node.MinItems} items");
        if (count > node.MaxItems)
            fits = Error($"must have at most {node.MaxItems} items");
        if (node.UniqueItems && (fits || !IsQuick) && !AreUnique(value))
            fits = Error("must not have the same item twice");

        var (index, contained) = (0, 0);
        foreach (var item in value.EnumerateArray())
        {
            if (!fits && IsQuick)
                return false;
            var schema = index < node.PrefixItems?.Length ? node.PrefixItems[index] : node.Items;
            if (schema is not null)
                fits &= _errors is null ? Check(schema, item) : CheckAt(schema, item, index.ToString());
            if (node.Contains is not null && Fits(node.Contains, item))
                contained++;
            index++;
        }
        if (node.Contains is not null && contained < node.MinContains)
            fits = Error($"must contain at least {node.MinContains} of what the schema asks for");
        if (node.Contains is not null && contained > node.MaxContains)
            fits = Error($"must contain at most {node.MaxContains} of what the schema counts");
        return fits;
    }

    private bool AreUnique(JsonElement array)
    {
        var seen = new Dictionary<int, List<JsonElement>>();
        foreach (var item in array.EnumerateArray())
        {
            if (!SpendOn(Bytes(item)))
                return false;
            ref var same = ref CollectionsMarshal.GetValueRefOrAddDefault(seen, JsonNumbers.HashOf(item), out _);
            foreach (var other in same ??= [])
            {
                // Many values with one hash would be compared pairwise.
                if (AreEqual(other, item) || IsGivenUp)
                    return false;
            }
            same.Add(item);
        }
        return true;
    }

    private bool CheckObject(SchemaNode node, JsonElement value)
    {
        var fits = true;
        var table = node.Properties;
        var names = table?.Entries.Count ?? 0;
        if (!Spend(names / 8))
            return false;
        var there = names <= FewNames ? stackalloc bool[names] : new bool[names];
        var count = 0;
        foreach (var member in value.EnumerateObject())
        {
            count++;
            if (!Spend(1) || !fits && IsQuick)
                return false;
            fits &= CheckMember(node, member, there);
        }
        if (count < node.MinProperties)
            fits = Error($"must have at least {node.MinProperties} properties");
        if (count > node.MaxProperties)
            fits = Error($"must have at most {node.MaxProperties} properties");

        for (var i = 0; i < names; i++)
        {
            if (!fits && IsQuick)
                return false;
            var entry = table!.Entries[i];
            if (!there[i])
            {
                if (entry.Required)
                    fits = Error($"must have the property {entry.Name}");
                continue;
            }
            foreach (var needed in entry.DependentRequired ?? [])
            {
                if (!Spend(1))
                    return false;
                if (!there[needed])
                    fits = Error($"must have the property {table.Entries[needed].Name} where there is {entry.Name}");
            }
            if (entry.DependentSchema is not null)
                fits &= Check(entry.DependentSchema, value);
        }
        return fits;
    }

    private bool CheckMember(SchemaNode node, JsonProperty member, scoped Span<bool> there)
    {
        var fits = true;
        var known = false;
        var index = node.Properties?.IndexOf(member) ?? -1;
        if (index >= 0)
        {
            there[index] = true;
            if (node.Properties!.Entries[index].Schema is { } schema)
            {
                known = true;
                fits &= _errors is null ? Check(schema, member.Value) : CheckAt(schema, member.Value, member.Name);
            }
        }
        var memberName = node.PatternProperties is null ? "" : member.Name;
        foreach (var (name, schema) in node.PatternProperties ?? [])
        {
            if (IsGivenUp)
                return false;
            if (!IsMatch(name, memberName))
                continue;
            known = true;
            fits &= CheckAt(schema, member.Value, memberName);
        }
        if (!known && node.AdditionalProperties is { } additional)
            fits &= _errors is null ? Check(additional, member.Value) : CheckAt(additional, member.Value, member.Name);
        if (node.PropertyNames is { } names && (!SpendOn(8 * member.Name.Length) || !Fits(names, NameOf(member))))
        {
            _errors?.Enter(member.Name);
            fits = Error("has a name that the schema does not allow");
            _errors?.Leave();
        }
        return fits;
    }

    private static JsonElement NameOf(JsonProperty member) => JsonSerializer.SerializeToElement(member.Name, SchemaJson.Default.String);

    private bool CheckCombined(SchemaNode node, JsonElement value)
    {
        var fits = node.Ref is null || Check(node.Ref, value);
        foreach (var all in node.AllOf ?? [])
        {
            if (!fits && IsQuick)
                return false;
            fits &= Check(all, value);
        }
        if (node.AnyOf is { } any && !AnyFits(any, value))
            fits = Error("must fit one of the schema's alternatives");
        if (node.OneOf is { } one && CountFits(one, value) is var count and not 1)
            fits = Error(count == 0
                ? "must fit one of the schema's alternatives" : "must fit only one of the schema's alternatives");
        if (node.Not is { } not && Fits(not, value))
            fits = Error("must not fit what the schema excludes");
        if (node.If is { } condition && (Fits(condition, value) ? node.Then : node.Else) is { } then)
            fits &= Check(then, value);
        return fits;
    }

    private bool AnyFits(SchemaNode[] schemas, JsonElement value)
    {
        foreach (var schema in schemas)
        {
            if (Fits(schema, value))
                return true;
        }
        return false;
    }

    private int CountFits(SchemaNode[] schemas, JsonElement value)
    {
        var count = 0;
        foreach (var schema in schemas)
            count += Fits(schema, value) ? 1 : 0;
        return count;
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class SchemaJson : System.Text.Json.Serialization.JsonSerializerContext;
