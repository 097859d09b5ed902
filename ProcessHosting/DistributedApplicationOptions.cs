namespace Aspire.Hosting;

/// <summary>How the host itself is made.</summary>
public sealed class DistributedApplicationOptions
{
    public string[]? Args { get; set; }

    /// <summary>The AppHost's assembly; null takes the one that was started.</summary>
    public string? AssemblyName { get; set; }

    /// <summary>The AppHost's project directory; null takes the one it was built from.</summary>
    public string? ProjectDirectory { get; set; }

    /// <summary>Has no effect: there is no dashboard inside the host here.</summary>
    public bool DisableDashboard { get; set; }

    /// <summary>Has no effect beyond the real Aspire: plain HTTP is always allowed here.</summary>
    public bool AllowUnsecuredTransport { get; set; }

    /// <summary>Also gives every line of a resource's log to the host's loggers, as <c>{application}.Resources.{name}</c>.</summary>
    public bool EnableResourceLogging { get; set; }
}
