namespace Lyceum.EngineClient;

/// <summary>
/// The engines that one question is put to, one after the other. The policy, for all who ask:
/// <list type="number">
/// <item>Engines are asked in turn.</item>
/// <item>Before the first token, a question that failed may go to another engine: to each known one once, and to at
/// most two more than the first. After the first token it goes nowhere else.</item>
/// <item>It goes on where the engine took nothing on (<see cref="IsRefusal"/>): no connection came about, or it
/// answered that it is busy or cannot reach its model server. So nothing is generated twice.</item>
/// <item>A detached generation may have begun though its answer was lost. Its asker, who knows what was asked and
/// recorded, decides itself when to move on: it frees the engine's generation and records the next engine first.</item>
/// </list>
/// </summary>
public sealed class EngineTries
{
    private const int MostFurther = 2;

    private readonly CompletionsClient _engines;
    private readonly List<Uri> _asked = [];

    internal EngineTries(CompletionsClient engines, Uri first)
    {
        _engines = engines;
        _asked.Add(first);
    }

    /// <summary>Whom to ask now.</summary>
    public Uri Current => _asked[^1];

    /// <summary>Moves to an engine that was not asked yet; false where there is none, or enough were asked.</summary>
    public bool MoveNext()
    {
        if (_asked.Count > MostFurther || _engines.PickEngine(except: _asked) is not { } next)
            return false;
        _asked.Add(next);
        return true;
    }

    /// <summary>As <see cref="MoveNext"/>; the first engine, where it is the only one, is asked once more.</summary>
    public bool MoveNextOrRepeat()
    {
        if (MoveNext())
            return true;
        if (_asked.Count > 1)
            return false;
        _asked.Add(Current);
        return true;
    }

    /// <summary>Whether a failure says that the engine took nothing on.</summary>
    public static bool IsRefusal(Exception failure) =>
        failure is EngineException { Error.TookNothingOn: true } || IsUnreachable(failure);

    /// <summary>Whether no connection came about, so that nothing was asked. Inner exceptions count too.</summary>
    public static bool IsUnreachable(Exception? failure) => failure switch
    {
        null => false,
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError,
        } => true,
        _ => IsUnreachable(failure.InnerException),
    };
}
