using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.Support.Services;
using Npgsql;

namespace Lyceum.Tests.Bench;

/// <summary>
/// The gateway beside the least that can do the same: its own route beside a bare minimal API, its proxied route beside nginx with a token
/// map before the same backend, signed requests beside those with a token. All at once on one machine, one measured at a time, in turns.
/// </summary>
internal sealed class GatewayBench(int runs, int seconds, int connections, string[] only) : IAsyncDisposable
{
    private const string Token = "bench-token-0123456789abcdef0123456789";
    private const string Secret = "bench-secret-that-signs-0123456789abcdef";
    private const string Tool = "/api/tools/execute";
    private const string Body = "{\"tool\":\"echo\",\"input\":{\"text\":\"How do I learn a language?\"}}";

    /// <summary>More than a run can send; each is good once.</summary>
    private const int SignedRequestsPerSecond = 25_000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-bench-");
    private readonly IdentityFolder _identity = new("gateway");
    private readonly List<Child> _children = [];

    /// <param name="Beside">Whose rate this one's is compared with.</param>
    private sealed record Measured(string Name, string What, string? Beside, Uri Url, string Script, Action? Prepare = null)
    {
        public List<WrkResult> Results { get; } = [];

        public double Rate => Results.Select(result => result.Rate).Median();

        public double P99 => Results.Select(result => result.P99).Median();
    }

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        var bare = await StartBareAsync(cancel);
        var nginx = await StartNginxAsync(bare, cancel);
        var gateway = await StartGatewayAsync(bare, await StartPostgresAsync(cancel), cancel);
        var post = Script("post.lua", $"wrk.method = \"POST\"\nwrk.body = '{Body}'\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.headers[\"Authorization\"] = \"Bearer {Token}\"\n");
        var get = Script("get.lua", $"wrk.headers[\"Authorization\"] = \"Bearer {Token}\"\n");
        Measured[] all =
        [
            new("bare", "a minimal API's JSON echo", null, new(bare, "/echo"), post),
            new("tools", "`/api/tools/execute` with bearer, scope, rate limit and schema", "bare", new(gateway, Tool), post),
            new("hmac", "the same, signed", "tools", new(gateway, Tool), SignedScript(), WriteSignatures),
            new("nginx", "`proxy_pass` with a token `map`", null, new(nginx, "/api/conversations/echo"), get),
            new("proxy", "the gateway before the same backend", "nginx", new(gateway, "/api/conversations/echo"), get),
        ];

        if (only.Length > 0)
            all = [.. all.Where(one => only.Contains(one.Name))];
        for (var warming = 0; warming < 2; warming++)
        {
            foreach (var one in all)
                await RunAsync(one, cancel);
        }
        for (var run = 0; run < runs; run++)
        {
            foreach (var one in all)
                one.Results.Add(await RunAsync(one, cancel));
        }

        await output.WriteLineAsync("| | requests/s | p99 ms | runs | |\n|---|---|---|---|---|");
        foreach (var one in all)
        {
            var ratio = all.FirstOrDefault(other => other.Name == one.Beside) is { } beside ? $"{one.Rate / beside.Rate:0.00} of {beside.Name}" : "";
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"| {one.Name}: {one.What} | {one.Rate:0} | {one.P99:0.00} | {string.Join(' ', one.Results.Select(result => result.Rate.ToString("0", CultureInfo.InvariantCulture)))} | {ratio} |"));
        }
        return all.All(one => one.Results.All(result => result.Failed == 0));
    }

    private async Task<WrkResult> RunAsync(Measured one, CancellationToken cancel)
    {
        one.Prepare?.Invoke();
        var result = await Wrk.RunAsync(one.Url, one.Script, connections, seconds, cancel);
        if (result.Failed > 0)
            await Console.Error.WriteLineAsync($"{one.Name}: {result.Failed} requests failed");
        return result;
    }

    private string PathOf(string file) => Path.Combine(_folder.FullName, file);

    private string Script(string file, string lua)
    {
        File.WriteAllText(PathOf(file), lua);
        return PathOf(file);
    }

    /// <summary>Signed before it is sent: LuaJIT is no match for what is measured.</summary>
    private string SignedScript() => Script("signed.lua", $$"""
        local head = "POST {{Tool}} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {{Body.Length}}\r\nx-content-sha256: {{Sha256(Body)}}\r\n"
        local tail = "\r\n\r\n" .. '{{Body}}'
        local lines, i = {}, 0
        for line in io.lines("{{PathOf("signed")}}") do lines[#lines + 1] = line end
        function request()
          i = i + 1
          local date, nonce, signature = lines[i]:match("(%S+) (%S+) (%S+)")
          return head .. "x-sb-date: " .. date .. '\r\nAuthorization: HMAC key_id="bench", nonce="' .. nonce .. '", signature="' .. signature .. '"' .. tail
        end

        """);

    private void WriteSignatures()
    {
        var (key, date, digest) = (Encoding.UTF8.GetBytes(Secret), DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture), Sha256(Body));
        File.WriteAllLines(PathOf("signed"), Enumerable.Range(0, SignedRequestsPerSecond * seconds).Select(_ =>
        {
            var nonce = Guid.NewGuid().ToString("N");
            var canonical = $"LYCEUM-HMAC-SHA256\nbench\nPOST\n{Tool}\n{date}\n{nonce}\n{digest}";
            return $"{date} {nonce} {Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(canonical)))}";
        }));
    }

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private async Task<Uri> StartBareAsync(CancellationToken cancel)
    {
        var log = PathOf("bare.log");
        string? url = null;
        _children.Add(await Child.StartAsync(Environment.ProcessPath!, [BareApi.Command], [], log, async () =>
        {
            url = File.Exists(log) ? (await ReadAsync(log)).FirstOrDefault(line => line.StartsWith(BareApi.Listening, StringComparison.Ordinal)) : null;
            return url is not null;
        }, cancel));
        return new Uri(url![BareApi.Listening.Length..]);
    }

    private static async Task<string[]> ReadAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return (await reader.ReadToEndAsync()).Split('\n');
    }

    private async Task<Uri> StartNginxAsync(Uri backend, CancellationToken cancel)
    {
        var port = Child.FreePort();
        var configuration = Script("nginx.conf", $$"""
            worker_processes auto;
            daemon off;
            pid {{PathOf("nginx.pid")}};
            error_log stderr warn;
            events { worker_connections 1024; }
            http {
                access_log off;
                client_body_temp_path {{PathOf("body")}}; proxy_temp_path {{PathOf("proxy")}}; fastcgi_temp_path {{PathOf("fastcgi")}};
                uwsgi_temp_path {{PathOf("uwsgi")}}; scgi_temp_path {{PathOf("scgi")}};
                keepalive_requests 1000000;
                upstream backend { server {{backend.Authority}}; keepalive 64; keepalive_requests 1000000; }
                map $http_authorization $caller { default ""; "Bearer {{Token}}" bench; }
                server {
                    listen 127.0.0.1:{{port}};
                    location /chat/ {
                        if ($caller = "") { return 401; }
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                        proxy_set_header Authorization "";
                        proxy_set_header X-Caller $caller;
                        proxy_set_header X-Forwarded-For $remote_addr;
                        proxy_buffering off;
                        proxy_pass http://backend;
                    }
                    location /up { return 200; }
                }
            }

            """);
        var url = new Uri($"http://127.0.0.1:{port}");
        _children.Add(await Child.StartAsync("nginx", ["-c", configuration, "-e", "stderr"], [], PathOf("nginx.log"), () => Child.AnswersAsync(new(url, "/up")), cancel));
        return url;
    }

    private async Task<string> StartPostgresAsync(CancellationToken cancel)
    {
        var port = Child.FreePort();
        Dictionary<string, string> environment = new()
        {
            ["POSTGRES_DATA"] = PathOf("postgres"), ["POSTGRES_PASSWORD"] = "bench", ["POSTGRES_MAX_CONNECTIONS"] = "100", ["PGPORT"] = $"{port}",
        };
        var server = $"Host=127.0.0.1;Port={port};Username=postgres;Password=bench";
        _children.Add(await Child.StartAsync(
            "bash", [Path.Combine(Repository(), "AppHost", "Infrastructure", "postgres.sh")], environment, PathOf("postgres.log"), async () =>
            {
                try
                {
                    await using var connection = new NpgsqlConnection($"{server};Database=postgres;Pooling=false");
                    await connection.OpenAsync(cancel);
                    return true;
                }
                catch (NpgsqlException)
                {
                    return false;
                }
            }, cancel));
        return $"{server};Database=gatewaydb;Minimum Pool Size=5;Maximum Pool Size=30";
    }

    private async Task<Uri> StartGatewayAsync(Uri backend, string database, CancellationToken cancel)
    {
        await File.WriteAllTextAsync(PathOf("token"), Token, cancel);
        await File.WriteAllTextAsync(PathOf("secret"), Secret, cancel);
        await File.WriteAllTextAsync(PathOf("gateway.json"), JsonSerializer.Serialize(new
        {
            auth = new
            {
                tokens = new[] { new { id = "token", tenant = "bench", scopes = new[] { "tools", "chat" }, secret_file = "token" } },
                hmac_keys = new[] { new { id = "bench", tenant = "bench", scopes = new[] { "tools" }, secret_file = "secret" } },
            },
            limits = new { rate = new[] { new { key = "*", route = Tool, rate = 1e6, burst = 1_000_000 } } },
        }), cancel);
        var url = new Uri($"http://127.0.0.1:{Child.FreePort()}");
        Dictionary<string, string> environment = new()
        {
            ["ASPNETCORE_URLS"] = url.ToString(), ["ASPNETCORE_ENVIRONMENT"] = "Production", ["DOTNET_TC_CallCountingDelayMs"] = "0",
            ["GATEWAY_CONFIG_FILE"] = PathOf("gateway.json"), ["ConnectionStrings__gatewaydb"] = database,
            ["Identity__KeyFile"] = _identity.KeyFile("gateway"), ["Identity__JwksFile"] = _identity.JwksFile,
            ["services__chat-api__http__0"] = backend.ToString(),
        };
        // What people run: AppHost starts this file.
        var program = Path.Combine(Repository(), "Gateway", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0", "Gateway");
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        _children.Add(await Child.StartAsync(program, [], environment, PathOf("gateway.log"), async () =>
        {
            try
            {
                // The registry of tools is read from the database first.
                using var answer = await http.PostAsync(new Uri(url, Tool), new StringContent(Body, Encoding.UTF8, "application/json"), cancel);
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, cancel));
        return url;
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Solution.sln")))
            folder = folder.Parent;
        return folder.FullName;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var child in Enumerable.Reverse(_children))
            await child.DisposeAsync();
        _identity.Dispose();
        _folder.Delete(recursive: true);
    }
}
