using Lyceum.Text;
using Microsoft.SemanticKernel;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>How a call of a function went, in logs and traces.</summary>
public static class FunctionOutcomes
{
    public const string Completed = "completed";
    public const string Failed = "failed";
    public const string TimedOut = "timed_out";

    /// <summary>It was not made: no such function, no usable arguments, or too many calls.</summary>
    public const string Refused = "refused";
}

/// <summary>
/// Bounds the calls that a model makes for one question, in number, time and size of the result. Whatever happens in a function becomes
/// a text that the model is told: a call does not fail its stage.
/// </summary>
internal sealed class FunctionBounds(ModelOptions options, TimeProvider time) : IFunctionInvocationFilter
{
    private const string CutOff = "\n[The rest is cut off.]";

    /// <summary>Calls made for the question, those of earlier runs included.</summary>
    public int Made { get; set; }

    public bool IsSpent => Made >= options.FunctionCalls;

    /// <summary>Of the last call.</summary>
    public string Outcome { get; private set; } = FunctionOutcomes.Completed;

    /// <summary>Of the last call that failed: the exception's type.</summary>
    public string? Failure { get; private set; }

    /// <remarks>
    /// <c>context.CancellationToken</c> is the call's own (<see cref="Dialogue"/> cancels it afterwards): a function that is deaf to it is
    /// left behind when its time is over.
    /// </remarks>
    public async Task OnFunctionInvocationAsync(FunctionInvocationContext context, Func<FunctionInvocationContext, Task> next)
    {
        if (IsSpent)
        {
            Say(context, FunctionOutcomes.Refused, $"No more calls are possible: there were {Made}. Answer with what you have.");
            return;
        }
        Made++;
        try
        {
            await next(context).WaitAsync(options.FunctionTimeout, time, context.CancellationToken);
            var text = StorableText.Of(context.Result.GetValue<object>()?.ToString() ?? "");
            if (text.Length > options.FunctionResult)
                text = StorableText.Truncate(text, options.FunctionResult) + CutOff;
            Say(context, FunctionOutcomes.Completed, text);
        }
        catch (TimeoutException)
        {
            Say(context, FunctionOutcomes.TimedOut, $"The function took longer than {options.FunctionTimeout.TotalSeconds:0.#} s. Answer without it.");
        }
        catch (Exception e) when (!context.CancellationToken.IsCancellationRequested)
        {
            Failure = e.GetType().Name; // its message may hold what was searched for
            Say(context, FunctionOutcomes.Failed, "The function failed. Answer without it.");
        }
    }

    private void Say(FunctionInvocationContext context, string outcome, string text)
    {
        Outcome = outcome;
        context.Result = new FunctionResult(context.Function, text);
    }
}
