using System.Net;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Lyceum.Tests.Gateway.Tests.Auth;

public sealed class RejectionLogTests
{
    [Fact]
    public void Flood_IsBounded_AndTheNextLineSaysWhatWasLeftOut()
    {
        using var list = new LogList();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var clock = new FakeTimeProvider();
        var log = new RejectionLog(services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), clock,
            LoggerFactory.Create(logging => logging.AddProvider(list)).CreateLogger<RejectionLog>());
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse("192.0.2.7");
        http.Request.Headers.Authorization = "Bearer the-secret";

        for (var request = 0; request < 10_000; request++)
            log.Record(http, RejectionReason.Unknown, null);
        list.Lines.Count.ShouldBe(50);
        clock.Advance(TimeSpan.FromSeconds(1));
        for (var request = 0; request < 10_000; request++)
            log.Record(http, RejectionReason.Expired, "ci");

        list.Lines.Count.ShouldBe(60);
        var line = list.Lines.ElementAt(50).Message;
        line.ShouldContain("expired");
        line.ShouldContain("key ci");
        line.ShouldContain("192.0.2.7");
        line.ShouldContain("9950");
        list.Lines.ShouldAllBe(entry => !entry.Message.Contains("the-secret"));
    }
}
