namespace Lyceum.Doctor.Files.Rules;

/// <summary>Kubernetes kills after the grace period: what had not been handed over, or answered, by then is cut.</summary>
internal sealed class GraceRule(RenderedFiles files) : FileRule(files)
{
    private const int ByDefault = 30;

    public override string Id => "LYC-K8S-016";

    protected override string Subjects => "pods of Lyceum's services";

    protected override string Expected => "terminationGracePeriodSeconds longer than preStop and the service's own drain (Drain:Timeout; an engine also Drain:Answers)";

    protected override string Fix => "Raise terminationGracePeriodSeconds to what is named, or lower Drain__Answers.";

    protected override IEnumerable<string?> Look() =>
        from running in Files.Running
        let workload = running.Workload
        let container = running.Container
        let grace = workload.Pod.NumberAt("terminationGracePeriodSeconds") ?? ByDefault
        let needed = Bounds.Drain(container) + PreStop(container)
        select grace > needed.TotalSeconds ? null
            : $"{workload.Object.Place(workload.Pod.At("terminationGracePeriodSeconds") ?? workload.Pod)}: {grace} s to stop, and {container.Service} needs {needed.TotalSeconds:0} s and some";

    private static TimeSpan PreStop(Container container)
    {
        var hook = container.Node.At("lifecycle", "preStop");
        if (hook.NumberAt("sleep", "seconds") is { } seconds)
            return TimeSpan.FromSeconds(seconds);
        // ["sleep", "10"] or ["sh", "-c", "sleep 10"]
        var words = string.Join(' ', hook.ItemsAt("exec", "command").Select(word => word.Text())).Split(' ');
        var at = Array.IndexOf(words, "sleep");
        return at >= 0 && at + 1 < words.Length && int.TryParse(words[at + 1], out var slept) ? TimeSpan.FromSeconds(slept) : TimeSpan.Zero;
    }
}
