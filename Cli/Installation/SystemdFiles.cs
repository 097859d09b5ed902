using System.Text;

namespace Lyceum.Cli.Installation;

/// <summary><c>deploy/systemd/</c>: a unit for each instance, and the target that holds them together.</summary>
internal sealed class SystemdFiles(Plan plan) : Host
{
    private const string Configuration = "/etc/lyceum";

    private const string Made = "# Made by `lyceum generate` from the list in Cli/Installation. What differs on your host goes to\n" +
        "# /etc/lyceum/lyceum.env, or to `systemctl edit`: this file is replaced by the next release.\n";

    public override string DatabaseServer => "Host=127.0.0.1;Port=5432;SSL Mode=Disable";

    public override string Listen(Service service, int number) => Address(service, number);

    public override string Address(Service service, int number) => $"http://127.0.0.1:{service.InstancePort(number)}";

    public override string TranscriptsFolder(string instance) => "%S/" + UnitName(instance) + "/transcripts";

    // The folder of credentials, which systemd fills for each unit from files that only root can read.
    public override IEnumerable<KeyValuePair<string, string>> Own(Service service) =>
    [
        new("Identity__KeyFile", "%d/identity.pem"), new("Identity__JwksFile", "%d/internal-jwks.json"),
    ];

    /// <summary>File names and contents.</summary>
    public IEnumerable<KeyValuePair<string, string>> Files()
    {
        foreach (var (service, number) in plan.Instances)
            yield return new($"{UnitName(service.InstanceName(number))}.service", Unit(service, number));
        yield return new("lyceum.target", Target());
        yield return new("lyceum.env.example", EnvironmentExample());
        yield return new("Caddyfile", Caddyfile());
        yield return new("roles.sql", DatabaseRoles.Script());
    }

    private static string UnitName(string instance) => $"lyceum-{instance}";

    private string Target() =>
        $"""
        {Made}[Unit]
        Description=Lyceum
        Wants={string.Join(' ', plan.Instances.Select(it => $"{UnitName(it.Service.InstanceName(it.Number))}.service"))}

        [Install]
        WantedBy=multi-user.target

        """;

    private string Unit(Service service, int number)
    {
        var instance = service.InstanceName(number);
        var unit = new StringBuilder(Made);
        void Line(string line = "") => unit.Append(line).Append('\n');

        Line("[Unit]");
        Line($"Description=Lyceum {instance}: {service.Purpose}");
        Line("PartOf=lyceum.target");
        Line("Wants=network-online.target");
        // An order, no condition: a service that starts before its database waits for it.
        Line("After=network-online.target postgresql.service rabbitmq-server.service");
        Line("StartLimitIntervalSec=0");
        Line();
        Line("[Service]");
        Line("Type=exec");
        Line("# A user of its own, made for the time it runs: a service that is taken over has its own files and no more.");
        Line("DynamicUser=yes");
        var environment = plan.Environment(service, number, this).ToList();
        Line("# Addresses are arguments: systemd ignores variables with a hyphen in their name.");
        Line(string.Join(" \\\n    ",
            environment.Where(IsArgument).Select(it => $"--{it.Key.Replace("__", ":", StringComparison.Ordinal)}={it.Value}")
                .Prepend($"ExecStart=/opt/lyceum/{service.Name}/{service.Program}")));
        Line($"WorkingDirectory=/opt/lyceum/{service.Name}");
        foreach (var (key, value) in environment.Where(it => !IsArgument(it)))
            Line(value.Contains(' ') ? $"Environment=\"{key}={value}\"" : $"Environment={key}={value}");
        Line($"# Read at start. The second has its passwords and is made by `lyceum init {Configuration}`.");
        Line($"EnvironmentFile=-{Configuration}/lyceum.env");
        Line($"EnvironmentFile={Configuration}/secrets/{service.Name}.env");
        Line($"LoadCredential=identity.pem:{Configuration}/secrets/keys/{service.Name}.pem");
        Line($"LoadCredential=internal-jwks.json:{Configuration}/secrets/keys/internal-jwks.json");
        var others = Settings.All.Where(setting => setting.IsSecret && !setting.IsFor(service)).Select(setting => setting.Key).ToList();
        if (others.Count > 0)
        {
            Line("# Secrets in lyceum.env that are other services'.");
            Line($"UnsetEnvironment={string.Join(' ', others)}");
        }
        if (service.KeepsTranscripts)
        {
            Line($"StateDirectory={UnitName(instance)}");
            Line("StateDirectoryMode=0700");
        }
        Line("# Said although it is the default: a default changed in system.conf is how logs get lost.");
        Line("StandardOutput=journal");
        Line("StandardError=journal");
        Line($"SyslogIdentifier={UnitName(instance)}");
        Line();
        Line("Restart=always");
        Line("RestartSec=1");
        Line("# A configuration that cannot be used (EX_CONFIG): trying again changes nothing.");
        Line("RestartPreventExitStatus=78");
        Line("KillSignal=SIGTERM");
        Line($"TimeoutStopSec={service.StopSeconds}");
        Line($"MemoryMax={service.Memory}M");
        Line("TasksMax=1024");
        Line("LimitNOFILE=65536");
        Line();
        Line("UMask=0077");
        Line("NoNewPrivileges=yes");
        Line("ProtectSystem=strict");
        Line("ProtectHome=yes");
        Line("PrivateTmp=yes");
        if (!service.UsesDevices)
            Line("PrivateDevices=yes");
        foreach (var protect in new[] { "KernelTunables", "KernelModules", "KernelLogs", "ControlGroups", "Clock", "Hostname" })
            Line($"Protect{protect}=yes");
        if (!service.UsesDevices)
            Line("ProtectProc=invisible");
        Line("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK");
        Line("RestrictNamespaces=yes");
        Line("RestrictRealtime=yes");
        Line("RestrictSUIDSGID=yes");
        Line("LockPersonality=yes");
        Line("SystemCallArchitectures=native");
        Line("CapabilityBoundingSet=");
        Line();
        Line("[Install]");
        Line("WantedBy=lyceum.target");
        return unit.ToString();
    }

    private static bool IsArgument(KeyValuePair<string, string> variable) => variable.Key.Contains('-');

    private static string EnvironmentExample()
    {
        var text = new StringBuilder(
            """
            # /etc/lyceum/lyceum.env, mode 0600: the choices of this installation, read when a service starts.
            # After a change: systemctl restart lyceum.target. Every other setting of docs/operations.md may be added.
            # What begins with # is not set; the value shown is what is then in force.

            # The names that people use for this server, with ; between them. Required: requests for other names are refused.
            AllowedHosts=lyceum.example.org

            """);
        EnvironmentSettings.Append(text);
        return text.ToString();
    }

    private string Caddyfile() => CaddyFile.Text(
        "# /etc/caddy/Caddyfile: the name, in its first line of settings, is this server's. Caddy gets the certificate and renews it.",
        "lyceum.example.org", "# tls internal      # in a network without a public name: a certificate of Caddy's own",
        string.Join(' ', Enumerable.Range(1, plan.Count("gateway")).Select(number => $"127.0.0.1:{Services.Named("gateway").InstancePort(number)}")));
}
