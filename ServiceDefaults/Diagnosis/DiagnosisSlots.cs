using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Diagnosis;

/// <summary>What the doctor's routes may cost this process (section <c>Diagnosis</c>).</summary>
public sealed class DiagnosisOptions
{
    public const string Section = "Diagnosis";

    /// <summary>
    /// Streams and sockets of the doctor at a time. A whole examination has eight at most. Reached: 429 <c>overloaded</c>.
    /// </summary>
    public int MaxAtOnce { get; set; } = 32;
}

/// <summary>The places for the doctor's streams and sockets, and how long one may last.</summary>
public sealed class DiagnosisSlots(IOptions<DiagnosisOptions> options, IOptions<AnswersOptions> answers)
{
    /// <summary>Past every bound of the table of timeouts, so that a wait may outlast each of them.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    private int _taken;

    /// <summary>The longest that may be asked for.</summary>
    public TimeSpan Longest => answers.Value.MaxDuration + Margin;

    /// <summary>A place, until disposed.</summary>
    /// <exception cref="ProblemException">400: longer than <see cref="Longest"/>. 429 <c>overloaded</c>.</exception>
    public IDisposable Take(TimeSpan lasting)
    {
        if (lasting > Longest)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"This lasts {Longest.TotalSeconds:0.###} s at most, all together.");
        var place = new Place(this);
        if (Interlocked.Increment(ref _taken) > options.Value.MaxAtOnce)
        {
            place.Dispose();
            throw new ProblemException(
                429, ErrorCodes.Overloaded, $"{options.Value.MaxAtOnce} examinations' streams run here. Wait for one of them.",
                TimeSpan.FromSeconds(5));
        }
        return place;
    }

    private sealed class Place(DiagnosisSlots slots) : IDisposable
    {
        private int _disposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
                Interlocked.Decrement(ref slots._taken);
        }
    }
}
