using System.Diagnostics;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Durability.Tests;

public sealed class WorkTests
{
    [Fact]
    public async Task Watcher_WokenByItsIdOnly_UntilDisposed()
    {
        var (watchers, id, signal) = (new Watchers(), Guid.NewGuid(), new ReaderSignal());
        using (watchers.Follow(id, signal))
        {
            watchers.Wake(Guid.NewGuid());
            (await IsSetAsync(signal)).ShouldBeFalse();
            watchers.Wake(id);
            watchers.Wake(id);
            (await IsSetAsync(signal)).ShouldBeTrue();
            (await IsSetAsync(signal)).ShouldBeFalse(); // twice is once
        }
        watchers.Wake(id);
        (await IsSetAsync(signal)).ShouldBeFalse();
    }

    [Fact]
    public void IdempotencyKey_AbsentOrWellFormed_Read()
    {
        IdempotencyKeys.Of(Request(null)).ShouldBeNull();
        IdempotencyKeys.Of(Request("a-1")).ShouldBe("a-1");
        IdempotencyKeys.Of(Request(new string('k', 200))).ShouldBe(new string('k', 200));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\tb")]
    [InlineData(null)]
    public void IdempotencyKey_Malformed_400(string? key)
    {
        var rejected = Should.Throw<ProblemException>(() => IdempotencyKeys.Of(Request(key ?? new string('k', 201))));
        (rejected.Status, rejected.Code).ShouldBe((400, "invalid_request"));
    }

    [Fact]
    public void IdempotencyKey_UsedForOtherContent_422()
    {
        var asked = IdempotencyKeys.Fingerprint("a");
        IdempotencyKeys.RequireSame(IdempotencyKeys.Fingerprint("a"), asked, "used");
        foreach (var stored in new[] { IdempotencyKeys.Fingerprint("b"), null })
        {
            var rejected = Should.Throw<ProblemException>(() => IdempotencyKeys.RequireSame(stored, asked, "used"));
            (rejected.Status, rejected.Code).ShouldBe((422, "idempotency_key_reused"));
        }
    }

    [Fact]
    public void Traceparent_StoredAndParsed_IsTheSameTrace()
    {
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        Traceparent.Parse(Traceparent.Current).TraceId.ShouldBe(activity.TraceId);
        Traceparent.Parse(null).ShouldBe(default);
        Traceparent.Parse("no trace").ShouldBe(default);
    }

    private static async Task<bool> IsSetAsync(ReaderSignal signal)
    {
        using var bound = new CancellationTokenSource(50);
        try
        {
            await signal.WaitAsync(bound.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static HttpRequest Request(string? key)
    {
        var request = new DefaultHttpContext().Request;
        if (key is not null)
            request.Headers["Idempotency-Key"] = key;
        return request;
    }
}
