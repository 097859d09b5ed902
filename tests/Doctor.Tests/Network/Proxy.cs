using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lyceum.Tests.Doctor.Tests.Network;

/// <summary>A real proxy before a server, on loopback, in a folder of its own. A test without the program is skipped.</summary>
public sealed class Proxy : IAsyncDisposable
{
    private const string Nginx = "/usr/sbin/nginx";
    private const string HaProxy = "/usr/sbin/haproxy";

    private static readonly string[] TemporaryFiles = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

    private readonly DirectoryInfo _folder;
    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private Proxy(DirectoryInfo folder, Process process, int port, string scheme)
    {
        (_folder, _process, Port) = (folder, process, port);
        Url = new Uri($"{scheme}://localhost:{port}");
        process.ErrorDataReceived += (_, line) => { lock (_said) _said.AppendLine(line.Data); };
        process.OutputDataReceived += (_, line) => { lock (_said) _said.AppendLine(line.Data); };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public Uri Url { get; }

    public int Port { get; }

    public static bool HasNginx => File.Exists(Nginx);

    public static bool HasHaProxy => File.Exists(HaProxy);

    /// <param name="server">What it forwards to.</param>
    /// <param name="location">Further directives of its one location.</param>
    /// <param name="passes">The headers that docs/operations.md asks for; false: the address alone.</param>
    /// <param name="pem">Certificate and key, for https; null: http.</param>
    public static async Task<Proxy> NginxAsync(Uri server, string location = "", bool upgrades = true, bool passes = true, string? pem = null)
    {
        var (folder, port) = (Directory.CreateTempSubdirectory("lyceum-proxy-"), FreePort());
        var temporary = string.Concat(TemporaryFiles.Select(kind => $"{kind}_temp_path {folder.FullName}/{kind};"));
        var upgrade = upgrades ? "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;" : "";
        var forwarded = passes
            ? "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;"
            : "";
        var tls = "";
        if (pem is not null)
        {
            var file = Path.Combine(folder.FullName, "server.pem");
            await File.WriteAllTextAsync(file, pem);
            tls = $"ssl_certificate {file}; ssl_certificate_key {file};";
        }
        var configuration = $$"""
            pid {{folder.FullName}}/pid;
            error_log stderr warn;
            events { worker_connections 1024; }
            http {
              access_log off;
              {{temporary}}
              map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
              server {
                listen 127.0.0.1:{{port}}{{(pem is null ? "" : " ssl http2")}};
                {{tls}}
                location / {
                  proxy_pass http://{{server.Authority}};
                  proxy_http_version 1.1;
                  proxy_set_header Host $http_host;
                  {{forwarded}}
                  {{upgrade}}
                  {{location}}
                }
              }
            }
            """;
        var path = Path.Combine(folder.FullName, "nginx.conf");
        await File.WriteAllTextAsync(path, configuration);
        return await StartAsync(folder, Nginx, ["-p", folder.FullName, "-c", path, "-g", "daemon off; worker_processes 1;"], port, pem is null ? "http" : "https");
    }

    /// <param name="timeouts">In place of long ones.</param>
    public static async Task<Proxy> HaProxyAsync(Uri server, string timeouts = "timeout server 400s")
    {
        var (folder, port) = (Directory.CreateTempSubdirectory("lyceum-proxy-"), FreePort());
        var path = Path.Combine(folder.FullName, "haproxy.cfg");
        await File.WriteAllTextAsync(path, $"""
            defaults
              mode http
              timeout connect 5s
              timeout client 400s
              {timeouts}
            frontend edge
              bind 127.0.0.1:{port}
              http-request set-header X-Forwarded-Proto http
              http-request set-header X-Forwarded-For %[src]
              http-request set-header X-Forwarded-Host %[req.hdr(Host)]
              default_backend gateway
            backend gateway
              server gateway {server.Authority}

            """);
        return await StartAsync(folder, HaProxy, ["-db", "-f", path], port, "http");
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        // Orderly: a master takes its workers along.
        if (!_process.HasExited)
        {
            using var stop = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            await stop.WaitForExitAsync();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static async Task<Proxy> StartAsync(DirectoryInfo folder, string program, string[] arguments, int port, string scheme)
    {
        var proxy = new Proxy(folder, Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        })!, port, scheme);
        await Eventually.TrueAsync(async () =>
        {
            if (proxy._process.HasExited)
                throw new InvalidOperationException($"{program} did not start: {proxy._said}");
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }, $"{program} listens");
        return proxy;
    }
}
