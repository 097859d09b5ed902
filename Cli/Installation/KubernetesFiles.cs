using System.Globalization;
using System.Text;

namespace Lyceum.Cli.Installation;

/// <summary>
/// <c>deploy/kubernetes/base</c>: the five services for kustomize, each in its own file. What differs between clusters (the public door,
/// the servers, the model) is in overlays, which are written by hand.
/// </summary>
internal sealed class KubernetesFiles(Plan plan) : Host
{
    private const int Port = 8080;

    /// <summary>Of the images' own account.</summary>
    private const int User = 1654;

    /// <summary>Replaced in place when the Secret changes, which services notice: keys and passwords change without a restart.</summary>
    private const string Secrets = "/run/secrets/lyceum";

    private const string StateFolder = "/var/lib/lyceum";

    /// <summary>Choices of the operator, and those of them that are secret.</summary>
    private const string SettingsName = "lyceum-settings";

    // But nobody's metadata, where clouds keep credentials.
    private const string Anywhere = "[{ ipBlock: { cidr: 0.0.0.0/0, except: [169.254.169.254/32] } }, " +
        "{ ipBlock: { cidr: \"::/0\", except: [\"fd00:ec2::254/128\", \"fd20:ce::254/128\"] } }]";

    private const string Made = "# Made by `lyceum generate` from the list in Cli/Installation. What differs in your cluster is for an overlay to patch: this file is\n" +
        "# replaced by the next release.\n";

    /// <summary>Two of each, so that one may go; while an upgrade lasts three, which share the database's connections too.</summary>
    public static Plan Plan(IEnumerable<string> instances, int maxConnections = Services.MaxConnections) =>
        new(instances, maxConnections, each: 2, surge: 1);

    public override bool HasOneNameForAll => true;

    // The read-write service of a CloudNativePG cluster called postgres; another server is given this name by a Service.
    public override string DatabaseServer => $"Host=postgres-rw;Port=5432;Passfile={Secrets}/pgpass";

    public override string Listen(Service service, int number) => $"http://+:{Port}";

    public override string Address(Service service, int number) => $"http://{service.Name}:{Port}";

    public override string TranscriptsFolder(string instance) => $"{StateFolder}/transcripts";

    public override string Instance(Service service, int number) => "$(POD_NAME)";

    public override IEnumerable<KeyValuePair<string, string>> Own(Service service)
    {
        yield return new("Identity__KeyFile", $"{Secrets}/identity.pem");
        yield return new("Identity__JwksFile", $"{Secrets}/internal-jwks.json");
        if (service.KeepsTranscripts)
            yield return new("Engine__InstanceUrl", $"http://$(POD_NAME).{service.Name}.$(POD_NAMESPACE).svc:{Port}");
        if (DrainSeconds(service) is { } drain)
            yield return new("Drain__Timeout", TimeSpan.FromSeconds(drain).ToString("c", CultureInfo.InvariantCulture));
    }

    /// <summary>File names and contents.</summary>
    public IEnumerable<KeyValuePair<string, string>> Files()
    {
        yield return new("base/kustomization.yaml", Kustomization());
        yield return new("base/namespace.yaml", Namespace);
        foreach (var service in Services.All)
            yield return new($"base/{service.Name}.yaml", Workload(service));
        yield return new("base/migrate.yaml", Migration());
        yield return new("base/network.yaml", Network());
        yield return new("overlays/local/roles.sql", DatabaseRoles.Script());
    }

    /// <summary>The gateway's: answers that nobody can take up again (<c>/v1</c>) have three fifths of it to end. Null: the default.</summary>
    private static int? DrainSeconds(Service service) => IsPublic(service) ? 60 : null;

    /// <summary>
    /// Seconds in which a pod that was told to go still works as before, while others notice: names are cached for 5 to 30 s, and a load
    /// balancer takes longer. An engine tells the directory by itself.
    /// </summary>
    private static int NoticeSeconds(Service service) => service.KeepsTranscripts ? 0 : IsPublic(service) ? 20 : 10;

    private static int GraceSeconds(Service service) =>
        NoticeSeconds(service) + (DrainSeconds(service) is { } drain ? drain + 10 : service.StopSeconds);

    private static bool IsPublic(Service service) => service.Name == "gateway";

    /// <summary>Settings that name the installation; the list of choices has the others.</summary>
    private static IEnumerable<string> PlaceSettings(Service service) =>
        IsPublic(service) ? ["AllowedHosts", .. Numbered("Gateway__TrustedProxies", 4)]
        : service.KeepsTranscripts ? ["AllowedHosts", .. Numbered("Engine__TrustedProxies", 2)]
        : [];

    private static IEnumerable<string> Numbered(string key, int count) => Enumerable.Range(0, count).Select(number => $"{key}__{number}");

    private static string Kustomization()
    {
        var yaml = new StringBuilder(Made + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: lyceum\nresources:\n  - namespace.yaml\n");
        foreach (var service in Services.All)
            yaml.Append($"  - {service.Name}.yaml\n");
        yaml.Append(
            $"""
              - migrate.yaml
              - network.yaml
            labels:
              - pairs: {"{"} app.kubernetes.io/part-of: lyceum {"}"}
                includeTemplates: true
            # A registry of your own, or images by digest: `images:` with the same names, in an overlay.
            configMapGenerator:
              # Your choices come to it from an overlay (`behavior: merge`). A change of them restarts the services.
              - name: {SettingsName}
                literals:
                  - AllowedHosts=lyceum.example.org

            """);
        return yaml.ToString();
    }

    private const string Namespace = Made +
        """
        apiVersion: v1
        kind: Namespace
        metadata:
          name: lyceum
          labels:
            pod-security.kubernetes.io/enforce: baseline
            # Lyceum's own pods keep to it; a model server may not.
            pod-security.kubernetes.io/warn: restricted

        """;

    private string Workload(Service service)
    {
        var yaml = new StringBuilder(Made);
        void Line(string line = "") => yaml.Append(line).Append('\n');

        Line($"# {char.ToUpperInvariant(service.Purpose[0])}{service.Purpose[1..]}.");
        Line("apiVersion: apps/v1");
        Line(service.KeepsTranscripts ? "kind: StatefulSet" : "kind: Deployment");
        Line("metadata:");
        Line($"  name: {service.Name}");
        Line($"  labels: {Labels(service)}");
        Line("spec:");
        Line($"  replicas: {plan.Count(service.Name)}");
        Line("  revisionHistoryLimit: 3");
        Line($"  selector: {{ matchLabels: {Labels(service)} }}");
        if (service.KeepsTranscripts)
        {
            Line($"  serviceName: {service.Name}");
            Line("  podManagementPolicy: Parallel");
            Line("  # What live sessions said and session-api has not stored yet: kept when there are fewer engines, sent when they are back.");
            Line("  persistentVolumeClaimRetentionPolicy: { whenDeleted: Retain, whenScaled: Retain }");
            Line("  volumeClaimTemplates:");
            Line("    - metadata: { name: state }");
            Line("      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 5Gi } } }");
        }
        else
        {
            Line("  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }");
        }
        Line("  template:");
        Line("    metadata:");
        Line($"      labels: {Labels(service)}");
        Line("    spec:");
        Line($"      # {GraceReason(service)}");
        Line($"      terminationGracePeriodSeconds: {GraceSeconds(service)}");
        AppendPod(yaml);
        Line("      topologySpreadConstraints:");
        foreach (var topology in new[] { "kubernetes.io/hostname", "topology.kubernetes.io/zone" })
        {
            Line($"        - topologyKey: {topology}");
            Line("          maxSkew: 1");
            Line("          whenUnsatisfiable: ScheduleAnyway");
            Line($"          labelSelector: {{ matchLabels: {Labels(service)} }}");
        }
        Line("      containers:");
        AppendContainer(yaml, service, service.Name, isMigration: false);
        AppendVolumes(yaml, service);
        if (IsPublic(service))
        {
            Line("        # GATEWAY_CONFIG_FILE and what it names, such as a certificate: for instance /etc/lyceum/gateway.json.");
            Line("        - { name: configuration, secret: { secretName: gateway-configuration, defaultMode: 288, optional: true } }");
        }
        Line("---");
        AppendServices(yaml, service);
        Line("---");
        Line("apiVersion: policy/v1");
        Line("kind: PodDisruptionBudget");
        Line("metadata:");
        Line($"  name: {service.Name}");
        Line("spec:");
        Line("  # One at a time; a single replica may go too, or its node could never be upgraded.");
        Line("  maxUnavailable: 1");
        Line("  unhealthyPodEvictionPolicy: AlwaysAllow");
        Line($"  selector: {{ matchLabels: {Labels(service)} }}");
        return yaml.ToString();
    }

    private static string GraceReason(Service service) => service.KeepsTranscripts
        ? "The longest answer (Answers__MaxDuration, 300 s), 15 s for its reader, and the rest of the drain. Raise the one with the other."
        : $"{NoticeSeconds(service)} s to be forgotten, then its drain (Drain__Timeout, {DrainSeconds(service) ?? 5} s).";

    private static string Labels(Service service) => $"{{ app.kubernetes.io/name: {service.Name} }}";

    private static void AppendPod(StringBuilder yaml) => yaml.Append(
        $$"""
              automountServiceAccountToken: false
              # Else Kubernetes sets variables of its own by the services' names, which are read as settings.
              enableServiceLinks: false
              securityContext:
                runAsNonRoot: true
                runAsUser: {{User}}
                runAsGroup: {{User}}
                fsGroup: {{User}}
                fsGroupChangePolicy: OnRootMismatch
                seccompProfile: { type: RuntimeDefault }

        """);

    private void AppendContainer(StringBuilder yaml, Service service, string name, bool isMigration)
    {
        void Line(string line) => yaml.Append(line).Append('\n');

        Line($"        - name: {name}");
        Line($"          image: ghcr.io/lyceum/{service.Name}:{Release.Version}");
        if (isMigration)
            Line($"          command: [/app/{service.Program}, --migrate]");
        Line("          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }");
        if (!isMigration)
            Line($"          ports: [{{ name: http, containerPort: {Port} }}]");
        Line("          env:");
        Line("            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }");
        if (service.KeepsTranscripts)
            Line("            - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }");
        foreach (var (key, value) in plan.Environment(service, 1, this))
            Line($"            - {{ name: {key}, value: \"{value}\" }}");
        if (!isMigration)
        {
            Line($"            - {{ name: ConnectionStrings__messaging, valueFrom: {{ secretKeyRef: {{ name: {service.Name}, key: messaging }} }} }}");
            Line("            # Your choices, where they are set.");
            foreach (var key in PlaceSettings(service))
                Line(Reference(key, isSecret: false, isOptional: key.Contains("__", StringComparison.Ordinal)));
            foreach (var setting in Settings.All.Where(setting => setting.IsFor(service)))
                Line(Reference(setting.Key, setting.IsSecret, isOptional: true));
            Line("          # An upgrade waits until the schema is in place. Afterwards a database that is away is no reason to take a replica out, or it");
            Line("          # would come back late: the gateway asks each for /health itself.");
            Line("          startupProbe: { httpGet: { path: /health, port: http }, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 150 }");
            Line("          readinessProbe: { httpGet: { path: /alive, port: http }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 3 }");
            Line("          livenessProbe: { httpGet: { path: /alive, port: http }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }");
            if (NoticeSeconds(service) > 0)
                Line($"          lifecycle: {{ preStop: {{ sleep: {{ seconds: {NoticeSeconds(service)} }} }} }}");
        }
        // No limit of processor time: it would make tokens late while the node has time to give.
        var memory = isMigration ? 512 : service.Memory;
        Line($"          resources: {{ requests: {{ cpu: {(isMigration ? "50m" : "250m")}, memory: {memory / 2}Mi }}, limits: {{ memory: {memory}Mi }} }}");
        Line("          volumeMounts:");
        Line("            - { name: tmp, mountPath: /tmp }");
        Line($"            - {{ name: secrets-{service.Name}, mountPath: {Secrets}, readOnly: true }}");
        if (service.KeepsTranscripts)
            Line($"            - {{ name: state, mountPath: {StateFolder} }}");
        if (IsPublic(service) && !isMigration)
            Line("            - { name: configuration, mountPath: /etc/lyceum, readOnly: true }");
    }

    private static string Reference(string key, bool isSecret, bool isOptional) =>
        $"            - {{ name: {key}, valueFrom: {{ {(isSecret ? "secretKeyRef" : "configMapKeyRef")}: "
        + $"{{ name: {SettingsName}, key: {key}{(isOptional ? ", optional: true" : "")} }} }} }}";

    private static void AppendVolumes(StringBuilder yaml, params IEnumerable<Service> services)
    {
        yaml.Append("      # 288 is 0440: for the services' own group alone.\n      volumes:\n        - { name: tmp, emptyDir: { sizeLimit: 256Mi } }\n");
        foreach (var service in services)
            yaml.Append($"        - {{ name: secrets-{service.Name}, secret: {{ secretName: {service.Name}, defaultMode: 288 }} }}\n");
    }

    private static void AppendServices(StringBuilder yaml, Service service)
    {
        yaml.Append(
            $$"""
            apiVersion: v1
            kind: Service
            metadata:
              name: {{service.Name}}
            spec:
              # The addresses of all replicas instead of one that stands for them: the gateway looks them up every 2 seconds and chooses itself.
              clusterIP: None
              selector: {{Labels(service)}}
              ports: [{ name: http, port: {{Port}}, targetPort: http }]

            """);
        if (service.KeepsTranscripts)
            yaml.Append("  # An engine that finishes its answers is still asked for them.\n  publishNotReadyAddresses: true\n");
        if (IsPublic(service))
        {
            yaml.Append(
                $$"""
                ---
                # What stands in front (a Gateway, an Ingress, a load balancer) sends here.
                apiVersion: v1
                kind: Service
                metadata:
                  name: lyceum
                spec:
                  selector: {{Labels(service)}}
                  ports: [{ name: http, port: 80, targetPort: http }]

                """);
        }
    }

    private static IReadOnlyList<Service> Migrated => [.. Services.All.Where(service => service.Database is not null)];

    private string Migration()
    {
        var yaml = new StringBuilder(Made);
        yaml.Append(
            $$"""
            # The databases' schemas, before the services of this release start. They would do it themselves at their start; where tables are
            # large it takes longer than a start may. May run again, and beside running services: a release's schema suits the one before.
            apiVersion: batch/v1
            kind: Job
            metadata:
              # A Job cannot be changed: each release has its own.
              name: migrate-{{Release.Version.Replace('.', '-')}}
              labels: { app.kubernetes.io/name: migrate }
            spec:
              backoffLimit: 6
              activeDeadlineSeconds: 7200
              ttlSecondsAfterFinished: 86400
              template:
                metadata:
                  labels: { app.kubernetes.io/name: migrate }
                spec:
                  restartPolicy: OnFailure

            """);
        AppendPod(yaml);
        yaml.Append("      containers:\n");
        foreach (var service in Migrated)
            AppendContainer(yaml, service, service.Name, isMigration: true);
        AppendVolumes(yaml, [.. Migrated]);
        return yaml.ToString();
    }

    /// <summary>Nobody may call anybody, except these. Name servers are asked wherever they are: caches on nodes have addresses of their own.</summary>
    private static string Network()
    {
        var yaml = new StringBuilder(Made +
            """
            # Where the network enforces no policies, these do nothing.
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata:
              name: default
            spec:
              podSelector: { matchLabels: { app.kubernetes.io/part-of: lyceum } }
              policyTypes: [Ingress, Egress]
              egress:
                - ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]
            ---
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata:
              name: migrate
            spec:
              podSelector: { matchLabels: { app.kubernetes.io/name: migrate } }
              policyTypes: [Egress]
              egress:
                - ports: [{ protocol: TCP, port: 5432 }]

            """);
        foreach (var service in Services.All)
        {
            void Line(string line) => yaml.Append(line).Append('\n');
            Line("---");
            Line("apiVersion: networking.k8s.io/v1");
            Line("kind: NetworkPolicy");
            Line("metadata:");
            Line($"  name: {service.Name}");
            Line("spec:");
            Line($"  podSelector: {{ matchLabels: {Labels(service)} }}");
            Line("  policyTypes: [Ingress, Egress]");
            Line("  ingress:");
            Line($"    - ports: [{{ protocol: TCP, port: {Port} }}]");
            if (IsPublic(service))
            {
                Line("      # From everywhere: load balancers have addresses outside the cluster.");
            }
            else
            {
                Line("      from:");
                foreach (var caller in Services.All.Where(caller => Called(caller).Contains(service.Name)))
                    Line($"        - podSelector: {{ matchLabels: {Labels(caller)} }}");
            }
            Line("  egress:");
            Line($"    - ports: [{{ protocol: TCP, port: {Port} }}]");
            Line("      to:");
            foreach (var called in Called(service))
                Line($"        - podSelector: {{ matchLabels: {Labels(Services.Named(called))} }}");
            Line($"    # {(service.Database is null ? "" : "The database, ")}the broker, and a collector of telemetry.");
            Line($"    - ports: [{(service.Database is null ? "" : "{ protocol: TCP, port: 5432 }, ")}{{ protocol: TCP, port: 5672 }}, " +
                "{ protocol: TCP, port: 4317 }, { protocol: TCP, port: 4318 }]");
            if (service.UsesDevices)
            {
                Line("    # Models are anywhere, on any port.");
                Line($"    - to: {Anywhere}");
            }
            else if (service.Name is "gateway" or "session-api")
            {
                Line($"    # {(IsPublic(service) ? "Tools that are called by HTTP" : "A provider that people sign in with")}: others' ports are for you to allow.");
                Line("    - ports: [{ protocol: TCP, port: 443 }]");
                Line($"      to: {Anywhere}");
            }
        }
        return yaml.ToString();

        static IEnumerable<string> Called(Service service) => service.KeepsTranscripts ? ["session-api", "gateway"] : service.Reaches;
    }
}
