using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.Support.Postgres;
using Lyceum.Tests.Support.Services;

namespace Lyceum.Tests.Contracts;

/// <summary>A budget over two gateways, of which one is killed while it holds units of it.</summary>
[Trait("Category", "Long")]
public sealed class BudgetTests : IAsyncLifetime
{
    private const int Budget = 1000;
    private const int Callers = 256;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-budget-");
    private readonly IdentityFolder _identity = new("gateway");
    private readonly PostgresServer _postgres = new();
    private readonly HttpClient _client = new() { DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", "the-secret") } };
    private readonly List<ServiceProcess> _started = [];
    private readonly ServiceProcess[] _gateways = new ServiceProcess[2];

    public async ValueTask InitializeAsync()
    {
        await _postgres.StartAsync();
        Assert.SkipUnless(_postgres.IsAvailable, "PostgreSQL's server binaries are not installed");
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "gateway.json"), JsonSerializer.Serialize(new
        {
            auth = new { tokens = new[] { new { id = "local", tenant = "dev", secret_env = "THE_SECRET", scopes = new[] { "tools" } } } },
            limits = new { budgets = new[] { new { key = "local", requests = Budget, period = "total" } } },
        }));
        try
        {
            _gateways[0] = await StartAsync();
            _gateways[1] = await StartAsync();
        }
        catch
        {
            await DisposeAsync(); // of a test that did not begin, nobody else does
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        foreach (var gateway in _started)
            await gateway.DisposeAsync();
        await _postgres.DisposeAsync();
        _identity.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task GatewayKilled_AdmitsNothingBeyondTheBudget_AndLosesLittleOfIt()
    {
        var (admitted, unknown) = (0, 0);
        var killed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var callers = Enumerable.Range(0, Callers).Select(async i =>
        {
            for (var turn = i; ; turn++)
            {
                switch (await AskAsync(turn % 2))
                {
                    case HttpStatusCode.OK:
                        if (Interlocked.Increment(ref admitted) == Budget * 2 / 5)
                            killed.SetResult();
                        break;
                    case HttpStatusCode.TooManyRequests:
                        return;
                    case null: // killed under it: it may have been admitted, or have found nobody
                        Interlocked.Increment(ref unknown);
                        await Task.Delay(100, TestContext.Current.CancellationToken);
                        break;
                    case var other:
                        throw new InvalidDataException($"answered {other}");
                }
            }
        }).ToList();

        await killed.Task.WaitAsync(TestContext.Current.CancellationToken);
        _started.Remove(_gateways[0]);
        await _gateways[0].DisposeAsync(); // SIGKILL
        _gateways[0] = await StartAsync();
        await Task.WhenAll(callers);

        unknown.ShouldBeGreaterThan(0, "nobody noticed the kill");
        admitted.ShouldBeLessThanOrEqualTo(Budget);
        // At most what its callers had asked for and not heard of, and the block it held.
        admitted.ShouldBeGreaterThanOrEqualTo(Budget - (Callers / 2) - (Budget / 32));
        (await AskAsync(0)).ShouldBe(HttpStatusCode.TooManyRequests);
        (await AskAsync(1)).ShouldBe(HttpStatusCode.TooManyRequests);
        TestContext.Current.TestOutputHelper!.WriteLine($"admitted {admitted} of {Budget}; {unknown} requests met a dead gateway");
    }

    private async Task<HttpStatusCode?> AskAsync(int gateway)
    {
        try
        {
            using var response = await _client.PostAsJsonAsync(
                new Uri(_gateways[gateway].Address, "/api/tools/execute"), new { tool = "echo", input = new { message = "x" } }, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>Returns when it has its database.</summary>
    private async Task<ServiceProcess> StartAsync()
    {
        var gateway = await ServiceProcess.StartAsync("Gateway",
        [
            .. _identity.Settings("gateway"), new("ConnectionStrings:gatewaydb", $"Maximum Pool Size=30;{_postgres.ConnectionString("gatewaydb")}"),
            new("GATEWAY_CONFIG_FILE", Path.Combine(_folder.FullName, "gateway.json")), new("THE_SECRET", "the-secret"),
        ]);
        _started.Add(gateway);
        for (var i = 0; i < 300; i++)
        {
            using var health = await _client.GetAsync(new Uri(gateway.Address, "/health"), TestContext.Current.CancellationToken);
            var text = await health.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            if (text.Contains("\"gatewaydb\":{\"status\":\"ok\"", StringComparison.Ordinal))
                return gateway;
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
        throw new TimeoutException("the gateway has no database");
    }
}
