using System.Text.Json;
using Lyceum.Doctor;
using Lyceum.Doctor.Parts;
using Lyceum.Doctor.Serving;
using Lyceum.EngineClient;
using Lyceum.Gateway.Proxy;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.Gateway.Ops;

/// <summary>
/// Examines the whole system from inside. What this process sees (every instance, the models, the clocks) and what each instance
/// finds of its own (database, broker, keys, disk) become one report.
/// </summary>
internal sealed class SystemDoctor(
    IServiceProvider provider, ServiceEndpointResolver services, EngineDirectory engines, IHttpClientFactory clients, IdentityTokens identity,
    ServiceInfo info, IServer server, IOptions<JsonOptions> json)
{
    public const string Client = "doctor";

    private const int MaxAnswer = 256 * 1024; // bytes
    private const string Gateway = "gateway";

    private static readonly string[] Others = [Routes.ChatApi, Routes.SessionApi, Routes.RoadmapWorker, Routes.GpuEngine];

    private readonly SharedExamination _shared = new();

    /// <exception cref="ServiceDefaults.Errors.ProblemException">429: another is going on. 504: it took too long.</exception>
    public Task<IReadOnlyList<Finding>> ExamineAsync(IReadOnlyList<string> only, CancellationToken cancellationToken) =>
        _shared.RunAsync(only, limit => ExamineAllAsync(only, limit), cancellationToken);

    private async Task<IReadOnlyList<Finding>> ExamineAllAsync(IReadOnlyList<string> only, CancellationToken limit)
    {
        var others = await InstancesAsync(limit);
        using var parts = new SystemChecks(ServiceSite.Of(provider) with
        {
            Instances = OwnAddress.Of(server) is { } own ? [.. others, new Instance(Gateway, info.Instance, own)] : others,
            InstanceToken = identity.ForService("lyceum", null, Scopes.Ops),
            Models = [.. engines.Live.Select(engine => new ModelAddress(engine.Id, engine.Url, identity.ForService("lyceum", null, Scopes.Llm)))],
        });
        var asked = others.Select(instance => AskAsync(instance, only, limit)).ToList();
        var mine = await Examination.RunAsync(parts.All, only, deep: false, limit);
        var theirs = await Task.WhenAll(asked);
        return Merged.Of(
            [(info.Instance, mine), .. others.Zip(theirs).Where(one => one.Second is not null).Select(one => (one.First.Name, one.Second!))], parts.All);
    }

    /// <summary>As they are configured; and engines that announced themselves from elsewhere.</summary>
    private async Task<IReadOnlyList<Instance>> InstancesAsync(CancellationToken limit)
    {
        var instances = new List<Instance>();
        foreach (var service in Others)
        {
            var addresses = await services.GetAddressesAsync(service, limit);
            instances.AddRange(addresses.Select((address, index) => new Instance(service, ServiceAddresses.ReplicaName(service, index), address)));
        }
        instances.AddRange(engines.Announced.Where(engine => !instances.Exists(one => one.Name == engine.Id || one.Address == engine.Url))
            .Select(engine => new Instance(Routes.GpuEngine, engine.Id, engine.Url)));
        return instances;
    }

    /// <returns>Null: it does not answer, which a check of this process tells; or it is of an earlier version.</returns>
    private async Task<IReadOnlyList<Finding>?> AskAsync(Instance instance, IReadOnlyList<string> only, CancellationToken limit)
    {
        try
        {
            var query = new QueryBuilder(only.Select(id => KeyValuePair.Create("only", id)));
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(instance.Address, DoctorEndpoint.Path + query));
            request.Headers.Authorization = new("Bearer", identity.ForService("lyceum", null, Scopes.Ops));
            using var response = await clients.CreateClient(Client).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
            if (!response.IsSuccessStatusCode)
                return null;
            await response.Content.LoadIntoBufferAsync(MaxAnswer, limit);
            return JsonSerializer.Deserialize<ReportDocument>(await response.Content.ReadAsByteArrayAsync(limit), json.Value.SerializerOptions)?.Checks;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            return null;
        }
    }
}
