using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Lyceum.Doctor.Network;

/// <summary>
/// What a client meets on its way: the public address, its certificate, each proxy's timeouts and buffers, sockets, and the
/// addresses of engines. Looked at from where this runs.
/// </summary>
public sealed class NetworkChecks : IDisposable
{
    private readonly Way _way;

    /// <param name="url">The address that people use: scheme, host and port.</param>
    /// <param name="token">An API token with scope <c>ops</c>; null: none was given, and little can be looked at.</param>
    /// <param name="gateway">
    /// The gateway's own address, past every proxy, where it can be reached from here: with it a hop before the gateway is told
    /// from the gateway.
    /// </param>
    /// <param name="at">
    /// Where the name of <paramref name="url"/> leads: before DNS says so, or where it leads elsewhere from here. Null: as it
    /// resolves.
    /// </param>
    /// <param name="roots">Whose certificates are trusted; null: as this machine does.</param>
    public NetworkChecks(
        Uri url, string? token, Uri? gateway = null, IPAddress? at = null, X509Certificate2Collection? roots = null, TimeProvider? time = null)
    {
        _way = new Way(url, token, gateway, at, roots);
        All =
        [
            new ReachCheck(_way), new CertificateCheck(_way, time ?? TimeProvider.System), new PlainHttpCheck(_way), new TokenCheck(_way),
            new ForwardedCheck(_way), new SilenceCheck(_way), new BufferingCheck(_way), new SocketCheck(_way), new EngineUrlCheck(_way),
            new AnswerLimitCheck(_way), new SocketLimitCheck(_way),
        ];
    }

    public IReadOnlyList<Check> All { get; }

    public void Dispose() => _way.Dispose();
}

/// <summary>A check of the way to the gateway.</summary>
internal abstract class NetworkCheck(Way way) : Check
{
    /// <summary>What to set on each kind of hop.</summary>
    protected const string Hops = "docs/hops.md";

    protected Way Way => way;

    public override string Doc => "docs/doctor.md";

    /// <summary>The settings of whoever was seen on the way, with the seconds that are needed.</summary>
    protected string TimeoutFix(Hop? hop) => Filled((hop ?? Way.Visible ?? Hop.Unknown).Timeout);

    protected string SocketFix(Hop? hop) => Filled((hop ?? Way.Visible ?? Hop.Unknown).Sockets);

    protected string BufferingFix(Hop? hop) => (hop ?? Way.Visible ?? Hop.Unknown).Buffering + ".";

    protected string Name(Hop? hop) => (hop ?? Way.Visible ?? Hop.Unknown).Name;

    private string Filled(string setting) => $"{setting.Replace("{0}", $"{Way.NeededSeconds:0}", StringComparison.Ordinal)}.";
}
