using System.Reflection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Rules.Access;

/// <summary>A real service on real Kestrel inside the test's process.</summary>
internal interface IHosted : IAsyncDisposable
{
    IServiceProvider Services { get; }

    Uri Start();
}

/// <typeparam name="TProgram">The service's program, which is internal to it.</typeparam>
internal sealed class Hosted<TProgram>(Dictionary<string, string?> settings) : WebApplicationFactory<TProgram>, IHosted
    where TProgram : class
{
    public Uri Start()
    {
        UseKestrel();
        StartServer();
        return new Uri(
            Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Development");
        builder.UseUrls("http://127.0.0.1:0");
        foreach (var (key, value) in settings)
            builder.UseSetting(key, value);
    }
}

internal static class Hosted
{
    /// <param name="project">One of <see cref="Product.Services"/>.</param>
    public static IHosted Of(string project, Dictionary<string, string?> settings)
    {
        var program = Assembly.Load(project).EntryPoint!.DeclaringType!;
        return (IHosted)Activator.CreateInstance(typeof(Hosted<>).MakeGenericType(program), settings)!;
    }
}
