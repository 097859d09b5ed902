using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class ReaderSignalTests
{
    private readonly ReaderSignal _signal = new();

    [Fact]
    public async Task Set_TwiceBeforeTheWait_EndsOneWait()
    {
        _signal.Set();
        _signal.Set();
        await _signal.WaitAsync();
        _signal.WaitAsync().AsTask().IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task Set_DuringTheWait_EndsIt()
    {
        for (var i = 0; i < 1_000; i++)
        {
            var waiting = _signal.WaitAsync(TestContext.Current.CancellationToken).AsTask();
            _signal.Set();
            await waiting;
        }
    }

    [Fact]
    public async Task Wait_Cancelled_ThrowsAndCanBeRepeated()
    {
        using var cancel = new CancellationTokenSource();
        var waiting = _signal.WaitAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);

        _signal.Set();
        await _signal.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WaitAtMost_WithoutASignal_EndsAtTheLimit()
    {
        await _signal.WaitAtMostAsync(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
        var waiting = _signal.WaitAsync().AsTask();
        waiting.IsCompleted.ShouldBeFalse();
    }
}
