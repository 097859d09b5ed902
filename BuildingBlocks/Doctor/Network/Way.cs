using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Lyceum.Doctor.Network;

/// <summary>
/// The way to an installation: its public address, and the gateway behind it where that is known. Trials that take time begin
/// together when the first check asks for one; each runs once.
/// </summary>
internal sealed class Way : IDisposable
{
    /// <summary>Of the quick trials. A hop with a shorter timeout is found by them; the others only past the answer limit.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(8);

    /// <summary>For an answer that needs no wait.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    public const double Interval = 0.4; // seconds, of the trial of buffering
    public const double Trickling = 3.2; // seconds

    private const string Trickle = "/api/ops/trickle";

    private readonly CancellationTokenSource _stop = new();
    private readonly IPAddress? _at;
    private readonly X509ChainPolicy? _trust;
    private readonly Lazy<Quick> _quick;
    private readonly Lazy<Deep> _deep;
    private volatile Reading? _first;

    /// <param name="url">As people use it.</param>
    /// <param name="gateway">The gateway's own address, reachable from here; null: not known.</param>
    /// <param name="at">Where the public address's name leads; null: as it resolves.</param>
    /// <param name="roots">Who is trusted to certify; null: whom this machine trusts.</param>
    public Way(Uri url, string? token, Uri? gateway, IPAddress? at, X509Certificate2Collection? roots)
    {
        (Url, Token, _at) = (url, token, at);
        Gateway = gateway is null || SameServer(gateway, url) ? null : gateway;
        if (roots is not null)
        {
            _trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            _trust.CustomTrustStore.AddRange(roots);
        }
        Client = NewClient(isStrict: true);
        Lenient = NewClient(isStrict: false);
        _quick = new(BeginQuick);
        _deep = new(BeginDeep);
    }

    public Uri Url { get; }

    public string? Token { get; }

    /// <summary>Null also where it is the public address.</summary>
    public Uri? Gateway { get; }

    public bool IsHttps => Url.Scheme == Uri.UriSchemeHttps;

    public HttpClient Client { get; }

    /// <summary>Checks no certificate. Never with the token.</summary>
    public HttpClient Lenient { get; }

    /// <summary>Asks for a trickle without a wait, from which <see cref="Facts"/> and <see cref="Visible"/> are.</summary>
    public async Task<Reading> FirstAsync(CancellationToken cancellationToken) =>
        _first = await ReadAsync(Url, Trickle).WaitAsync(cancellationToken);

    /// <summary>Who stands before the gateway, where the first answer showed it.</summary>
    public Hop? Visible => _first?.Hop;

    /// <summary>Of the gateway; null until it has told them.</summary>
    public Facts? Facts => _first?.Facts;

    public double AnswerSeconds => Math.Clamp(Facts?.AnswerSeconds ?? 300, 1, 86_400);

    /// <summary>What each hop must wait for: above the gateway's own bound, which is 10 s above the answers'.</summary>
    public double NeededSeconds => AnswerSeconds + 30;

    /// <summary>Of the deep trials: past the answer limit, and below the gateway's bound for answers that come whole.</summary>
    public double DeepSeconds => AnswerSeconds + 5;

    public Quick QuickTrials => _quick.Value;

    public Deep DeepTrials => _deep.Value;

    /// <summary>The trials of the quick run.</summary>
    /// <param name="Before">Silence before the response's headers, as before an answer that comes whole.</param>
    /// <param name="Within">Silence behind the headers.</param>
    /// <param name="Engine">Silence before the headers, of an engine behind the gateway.</param>
    /// <param name="DirectBefore">The first one at the gateway itself; null: its address is not known.</param>
    /// <param name="Trickled">Parts that come one by one.</param>
    /// <param name="Socket">A socket that is idle.</param>
    public sealed record Quick(
        Task<Reading> Before, Task<Reading> Within, Task<Reading> Engine, Task<Reading>? DirectBefore, Task<Reading>? DirectWithin,
        Task<Reading> Trickled, Task<Talk> Socket);

    /// <summary>Those past the answer limit: silent and trickling, at the gateway and at the services behind it.</summary>
    /// <param name="Pinged">A socket with ping frames alone, as a live session that is idle.</param>
    /// <param name="Beaten">A socket with messages.</param>
    public sealed record Deep(
        Task<Reading> Silent, Task<Reading> Trickling, Task<Reading>? DirectSilent, Task<Reading>? DirectTrickling,
        Task<Reading> EngineSilent, Task<Reading> ChatTrickling, Task<Talk> Pinged, Task<Talk> Beaten);

    /// <summary>
    /// On one connection of its own: an older one would be cut sooner, and a request whose connection is closed would be sent
    /// again on another without a word.
    /// </summary>
    public async Task<Reading> ReadAsync(Uri server, string path)
    {
        using var client = NewClient(isStrict: true, connections: 1);
        return await Reading.ReadAsync(client, new Uri(server, path), Token, _stop.Token);
    }

    /// <summary>The response, its headers within some seconds; then its body is the caller's to bound.</summary>
    /// <exception cref="HttpRequestException">None came.</exception>
    public static async Task<HttpResponseMessage> GetAsync(
        HttpClient client, Uri url, CancellationToken cancellationToken, params (string Name, string? Value)[] headers)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        using var request = new HttpRequestMessage(HttpMethod.Get, url)
        {
            Version = client.DefaultRequestVersion, VersionPolicy = client.DefaultVersionPolicy,
        };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        try
        {
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException($"no answer within {Patience.TotalSeconds:0} s", e);
        }
    }

    /// <summary>Again, where the first one may have been held up by a busy machine.</summary>
    public Task<Reading> TrickleAsync(Uri server) => ReadAsync(server, Invariant($"{Trickle}?seconds={Trickling}&interval={Interval}"));

    public Task<Talk> HoldAsync(Uri url, string? token, TimeSpan silence) => Talk.HoldAsync(Client, url, token, silence, _stop.Token);

    /// <summary>A connection to the server of that name.</summary>
    public async ValueTask<NetworkStream> ConnectAsync(DnsEndPoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (_at is not null && string.Equals(server.Host, Url.IdnHost, StringComparison.OrdinalIgnoreCase))
                await socket.ConnectAsync(new IPEndPoint(_at, server.Port), cancellationToken);
            else
                await socket.ConnectAsync(server, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The address of a socket there.</summary>
    public static Uri SocketUrl(Uri server, string path) =>
        new UriBuilder(new Uri(server, path)) { Scheme = server.Scheme == Uri.UriSchemeHttps ? "wss" : "ws" }.Uri;

    /// <summary>Of a certificate's chain: empty where it is trusted here.</summary>
    public IEnumerable<X509ChainStatus> Distrust(X509Certificate2 certificate, X509Certificate2Collection sent)
    {
        using var chain = new X509Chain();
        if (_trust is not null)
            chain.ChainPolicy = _trust.Clone();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        // Its dates are told apart from whom it is from.
        chain.ChainPolicy.VerificationFlags |= X509VerificationFlags.IgnoreNotTimeValid;
        return chain.Build(certificate) ? [] : [.. chain.ChainStatus.Where(status => status.Status != X509ChainStatusFlags.NotTimeValid)];
    }

    public void Dispose()
    {
        _stop.Cancel();
        Client.Dispose();
        Lenient.Dispose();
    }

    private Quick BeginQuick()
    {
        var (before, within) = (Invariant($"{Trickle}?before={Silence.TotalSeconds}"), Invariant($"{Trickle}?seconds={Silence.TotalSeconds}"));
        return new(
            ReadAsync(Url, before), ReadAsync(Url, within), ReadAsync(Url, Invariant($"/v1/engine/trickle?before={Silence.TotalSeconds}")),
            Gateway is null ? null : ReadAsync(Gateway, before), Gateway is null ? null : ReadAsync(Gateway, within),
            TrickleAsync(Url), HoldAsync(SocketUrl(Url, Invariant($"/ws/echo?seconds={Silence.TotalSeconds * 3}")), Token, Silence));
    }

    private Deep BeginDeep()
    {
        var (seconds, ping) = (DeepSeconds, Math.Clamp(Facts?.PingSeconds ?? 15, 1, 3600));
        var (silent, trickling) = (Invariant($"{Trickle}?before={seconds}"), Invariant($"{Trickle}?seconds={seconds}&interval={ping}"));
        var (open, wait) = (Math.Min(seconds + 20, Facts?.LongestSeconds ?? seconds + 20), TimeSpan.FromSeconds(seconds));
        return new(
            ReadAsync(Url, silent), ReadAsync(Url, trickling), Gateway is null ? null : ReadAsync(Gateway, silent),
            Gateway is null ? null : ReadAsync(Gateway, trickling), ReadAsync(Url, Invariant($"/v1/engine/trickle?before={seconds}")),
            ReadAsync(Url, Invariant($"/chat/trickle?seconds={seconds}&interval={ping}")),
            HoldAsync(SocketUrl(Url, Invariant($"/ws/echo?seconds={open}&ping={ping}")), Token, wait),
            HoldAsync(SocketUrl(Url, Invariant($"/ws/echo?seconds={open}&beat={ping}")), Token, wait));
    }

    private static bool SameServer(Uri one, Uri other) =>
        Uri.Compare(one, other, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private HttpClient NewClient(bool isStrict, int connections = int.MaxValue)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseProxy = false, UseCookies = false, AutomaticDecompression = DecompressionMethods.All,
            ConnectTimeout = Patience, MaxResponseDrainSize = 0,
            ConnectCallback = async (context, cancel) => Interlocked.Decrement(ref connections) >= 0
                ? await ConnectAsync(context.DnsEndPoint, cancel)
                : throw new IOException("the connection was closed before a response"),
        };
#pragma warning disable CA5359 // certificates are a check of their own, and no secret is sent by this client
        if (!isStrict)
            handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        else if (_trust is not null)
            handler.SslOptions.CertificateChainPolicy = _trust;
        return new HttpClient(handler)
        {
            Timeout = Timeout.InfiniteTimeSpan, DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
    }
}
