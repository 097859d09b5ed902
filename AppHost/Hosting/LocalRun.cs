using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;

namespace Lyceum.AppHost.Hosting;

/// <summary>
/// How AppHost runs where no launch profile or CLI said it: with Aspire's dashboard on free ports of loopback
/// (<c>Lyceum:Dashboard=false</c>: without), so that two systems run side by side.
/// </summary>
internal static class LocalRun
{
    /// <summary>The name that Aspire gives its dashboard in the model.</summary>
    public const string DashboardResource = "aspire-dashboard";

    // Where the dashboard's page, its collector and Aspire's own resource service listen.
    private static readonly string[] Addresses =
        ["ASPNETCORE_URLS", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"];

    public static DistributedApplicationOptions Options(string[] args)
    {
        var configuration = new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(args).Build();
        var missing = Addresses.Where(name => string.IsNullOrEmpty(configuration[name])).ToArray();
        var ports = FreePorts(missing.Length);
        return new DistributedApplicationOptions
        {
            Args =
            [
                .. args, .. missing.Zip(ports, (name, port) => $"--{name}=http://localhost:{port}"),
                // AppHost ends after its children, not before them.
                "--DcpPublisher:WaitForResourceCleanup=true",
            ],
            DisableDashboard = !configuration.GetValue("Lyceum:Dashboard", true),
            AllowUnsecuredTransport = true, // loopback
        };
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            listeners.ForEach(listener => listener.Start());
            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }
}
