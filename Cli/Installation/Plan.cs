namespace Lyceum.Cli.Installation;

/// <summary>How many of each service run on which database server: what the files of an installation are made from.</summary>
internal sealed class Plan
{
    private const int MostInstances = 32;
    private readonly Dictionary<string, int> _instances;
    private readonly int _surge;

    /// <param name="instances">Such as <c>chat-api=2</c>.</param>
    /// <param name="each">Of a service that is not named.</param>
    /// <param name="surge">Further ones of each, for as long as an upgrade takes.</param>
    public Plan(IEnumerable<string> instances, int maxConnections = Services.MaxConnections, int each = 1, int surge = 0)
    {
        (MaxConnections, _surge) = (maxConnections, surge);
        _instances = Services.All.ToDictionary(service => service.Name, _ => each, StringComparer.Ordinal);
        foreach (var given in instances)
        {
            var (name, count) = given.Split('=') is [var left, var right] && int.TryParse(right, out var number) ? (left, number) : (given, 0);
            if (!_instances.ContainsKey(name) || count is < 1 or > MostInstances)
            {
                throw new InstallationException(
                    $"'{given}' names no service and number: {string.Join(", ", _instances.Keys)}, such as chat-api=2; 1 to {MostInstances} work.");
            }
            _instances[name] = count;
        }
    }

    public int MaxConnections { get; }

    public IEnumerable<(Service Service, int Number)> Instances =>
        from service in Services.All
        from number in Enumerable.Range(1, _instances[service.Name])
        select (service, number);

    public int Count(string service) => _instances[service];

    private int Pooled => Services.All.Where(service => service.Database is not null).Sum(service => _instances[service.Name] + _surge);

    /// <summary>What every host gives an instance, whose values are the host's to say where <paramref name="host"/> decides.</summary>
    /// <returns>Environment variables in the order in which they are written. No secrets.</returns>
    public IEnumerable<KeyValuePair<string, string>> Environment(Service service, int number, Host host)
    {
        var instance = host.Instance(service, number);
        yield return new("ASPNETCORE_ENVIRONMENT", "Production");
        yield return new("ASPNETCORE_URLS", host.Listen(service, number));
        // .NET's TLS keeps a folder there, and without one no TLS connection is made: not even to a model's provider.
        yield return new("HOME", "/tmp");
        yield return new("Service__Name", service.Name);
        yield return new("Service__Instance", instance);
        // Hot code is optimised at once: p99 lateness at 300 streams 56 ms instead of 150 ms (docs/benchmarks/chat.md).
        yield return new("DOTNET_TC_CallCountingDelayMs", "0");
        if (service.Database is { } database)
        {
            yield return new($"ConnectionStrings__{database}",
                $"{Services.Pool(service, instance, Pooled, MaxConnections)};{host.DatabaseServer};Username={database};Database={database}");
        }
        foreach (var other in service.Reaches)
        {
            foreach (var (index, address) in Addresses(other, host))
                yield return new($"services__{other}__http__{index}", address);
        }
        if (service.KeepsTranscripts)
        {
            yield return new("Engine__Transcripts__Folder", host.TranscriptsFolder(instance));
            foreach (var (index, address) in Addresses("session-api", host))
                yield return new($"Engine__AnnounceTo__{index}", address);
            foreach (var (index, address) in Addresses("gateway", host))
                yield return new($"Engine__ChargeTo__{index}", address);
        }
        foreach (var own in host.Own(service))
            yield return own;
    }

    private IEnumerable<(int Index, string Address)> Addresses(string service, Host host) =>
        Enumerable.Range(1, host.HasOneNameForAll ? 1 : _instances[service]).Select(number => (number - 1, host.Address(Services.Named(service), number)));
}

/// <summary>What differs between a host without containers, a network of containers, and a cluster.</summary>
internal abstract class Host
{
    public abstract string DatabaseServer { get; }

    public abstract string Listen(Service service, int number);

    /// <summary>Where others reach it.</summary>
    public abstract string Address(Service service, int number);

    public abstract string TranscriptsFolder(string instance);

    /// <summary>Its name among the replicas.</summary>
    public virtual string Instance(Service service, int number) => service.InstanceName(number);

    /// <summary>A service's name stands for all of its replicas.</summary>
    public virtual bool HasOneNameForAll => false;

    public virtual IEnumerable<KeyValuePair<string, string>> Own(Service service) => [];
}
