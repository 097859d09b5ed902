using System.Net;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;

namespace Lyceum.Tests.ServiceDefaults;

public sealed class ServiceInfoTests
{
    /// <summary>A host gives the replicas that it makes of a container one environment: named by it, they would be one engine, or one owner.</summary>
    [Theory]
    [InlineData("true", null, null, true)]
    [InlineData("true", null, "chat-api", true)]
    [InlineData("true", "chat-api-2", null, false)]
    [InlineData(null, "chat-api-2", "otel", false)]
    public void Instance_InAContainer_IsNamedAfterItsHost_UnlessToldOtherwise(string? container, string? instance, string? telemetry, bool afterHost)
    {
        var info = Info(("DOTNET_RUNNING_IN_CONTAINER", container), ("Service:Instance", instance), ("OTEL_SERVICE_NAME", telemetry));

        info.Instance.ShouldBe(afterHost ? Dns.GetHostName().Split('.')[0].ToLowerInvariant() : "chat-api-2");
        info.Service.ShouldBe("chat-api");
    }

    [Theory]
    [InlineData("otel-name", "otel-name")]
    [InlineData(null, "chat-api")]
    public void Instance_OutsideOfContainers_IsTelemetrysName_ElseTheService(string? telemetry, string expected) =>
        Info(("OTEL_SERVICE_NAME", telemetry)).Instance.ShouldBe(expected);

    private static ServiceInfo Info(params (string Key, string? Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = "ChatApi", EnvironmentName = "Production" });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, setting.Value)));
        builder.AddServiceDefaults();
        return (ServiceInfo)builder.Services.Single(service => service.ServiceType == typeof(ServiceInfo)).ImplementationInstance!;
    }
}
