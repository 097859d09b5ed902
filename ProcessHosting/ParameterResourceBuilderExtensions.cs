using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting;

/// <summary>Adds values that are given from outside.</summary>
public static class ParameterResourceBuilderExtensions
{
    /// <summary>The value of the configuration key <c>Parameters:{name}</c> (hyphens may be written as underscores).</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, bool secret = false)
        => builder.Add(name, $"Parameters:{name}", secret, fallback: null);

    /// <summary>Always that value.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false)
        => builder.AddParameter(name, () => value, publishValueAsDefault, secret);

    /// <summary>Always what the callback returns; it is called once.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, Func<string> valueGetter, bool publishValueAsDefault = false,
        bool secret = false)
        => builder.Add(new ParameterResource(name, _ => valueGetter(), secret));

    /// <summary>The configured value, else the default.</summary>
    /// <param name="persist">Has no effect: a generated value lives as long as the host.</param>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, ParameterDefault value, bool secret = false, bool persist = false)
        => builder.Add(name, $"Parameters:{name}", secret, value);

    public static IResourceBuilder<ParameterResource> AddParameterFromConfiguration(
        this IDistributedApplicationBuilder builder, string name, string configurationKey, bool secret = false)
        => builder.Add(name, configurationKey, secret, fallback: null);

    /// <summary>The connection string <c>ConnectionStrings:{name}</c> of the configuration.</summary>
    /// <param name="environmentVariableName">The variable that carries it, instead of <c>ConnectionStrings__{name}</c>.</param>
    public static IResourceBuilder<IResourceWithConnectionString> AddConnectionString(
        this IDistributedApplicationBuilder builder, string name, string? environmentVariableName = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        var resource = new ConnectionStringParameterResource(
            name,
            _ => builder.Configuration.GetConnectionString(name) ?? throw new MissingParameterValueException(
                $"Connection string parameter resource could not be used because connection string '{name}' is missing."),
            environmentVariableName)
        {
            IsConnectionString = true,
        };
        return builder.Add(resource, KnownResourceTypes.ConnectionString);
    }

    public static ParameterResource CreateDefaultPasswordParameter(
        IDistributedApplicationBuilder builder, string name, bool lower = true, bool upper = true, bool numeric = true,
        bool special = true, int minLower = 0, int minUpper = 0, int minNumeric = 0, int minSpecial = 0)
        => CreateGeneratedParameter(builder, name, secret: true, new GenerateParameterDefault
        {
            MinLength = 22, Lower = lower, Upper = upper, Numeric = numeric, Special = special,
            MinLower = minLower, MinUpper = minUpper, MinNumeric = minNumeric, MinSpecial = minSpecial,
        });

    public static ParameterResource CreateGeneratedParameter(
        IDistributedApplicationBuilder builder, string name, bool secret, GenerateParameterDefault parameterDefault)
        => Create(builder, name, $"Parameters:{name}", secret, parameterDefault);

    public static ParameterResource CreateParameter(IDistributedApplicationBuilder builder, string name, bool secret)
        => Create(builder, name, $"Parameters:{name}", secret, fallback: null);

    public static IResourceBuilder<ParameterResource> WithDescription(
        this IResourceBuilder<ParameterResource> builder, string description, bool enableMarkdown = false)
    {
        ArgumentNullException.ThrowIfNull(builder);
        (builder.Resource.Description, builder.Resource.EnableDescriptionMarkdown) = (description, enableMarkdown);
        return builder;
    }

    private static ParameterResource Create(
        IDistributedApplicationBuilder builder, string name, string key, bool secret, ParameterDefault? fallback)
        => new(
            name,
            @default => builder.Configuration[key]
                ?? builder.Configuration[key.Replace('-', '_')]
                ?? @default?.GetDefaultValue()
                ?? throw new MissingParameterValueException(
                    $"Parameter resource could not be used because configuration key '{key}' is missing and "
                    + "the Parameter has no default value."),
            secret)
        {
            Default = fallback,
        };

    private static IResourceBuilder<ParameterResource> Add(
        this IDistributedApplicationBuilder builder, string name, string key, bool secret, ParameterDefault? fallback)
        => builder.Add(Create(builder, name, key, secret, fallback));

    private static IResourceBuilder<T> Add<T>(
        this IDistributedApplicationBuilder builder, T resource, string type = KnownResourceTypes.Parameter)
        where T : ParameterResource
        => builder.AddResource(resource)
            .WithInitialState(new CustomResourceSnapshot { ResourceType = type, Properties = [] })
            .OnInitializeResource(async (parameter, e, ct) =>
            {
                var state = KnownResourceStates.Running;
                try
                {
                    _ = parameter.Value;
                }
                catch (MissingParameterValueException exception)
                {
                    // Only who uses the value fails.
                    state = KnownResourceStates.ValueMissing;
                    e.Services.GetRequiredService<ResourceLoggerService>().Write(parameter.Name, exception.Message, isError: true);
                }

                await e.Notifications.PublishUpdateAsync(parameter, s => s with { State = state });
            });
}
