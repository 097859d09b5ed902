using k8s.Models;
using Lyceum.Cli.Installation;
using YamlDotNet.RepresentationModel;

namespace Lyceum.Tests.Cli.Tests.Kubernetes;

/// <summary>What no schema says of the rendered objects: that they fit together, and what Lyceum needs of them.</summary>
public sealed class ManifestTests(Rendered rendered) : IClassFixture<Rendered>
{
    private const int LongestAnswer = 300, LongestSession = 3600; // seconds: Answers:MaxDuration, Engine:Sessions:Timeout

    public static TheoryData<string> Folders => [.. Rendered.Folders];

    public static TheoryData<string> Overlays => [.. Rendered.Folders.Skip(1)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Service_Selects_PodsThatListenOnItsPort(string folder)
    {
        foreach (var service in rendered.Of<V1Service>(folder))
        {
            var pods = rendered.Pods(folder).Where(pod => Matches(service.Spec.Selector, pod.Template)).ToList();
            pods.ShouldHaveSingleItem(service.Metadata.Name);
            var listening = pods[0].Template.Spec.Containers.SelectMany(container => container.Ports ?? []).Select(port => port.Name);
            service.Spec.Ports.Select(port => (string)port.TargetPort).ShouldBeSubsetOf(listening, service.Metadata.Name);
        }
        foreach (var budget in rendered.Of<V1PodDisruptionBudget>(folder))
            rendered.Pods(folder).ShouldContain(pod => Matches(budget.Spec.Selector.MatchLabels, pod.Template), budget.Metadata.Name);
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void EverythingThatAPodNames_IsThere(string folder)
    {
        var secrets = rendered.Secrets.ToDictionary(
            secret => secret.Metadata.Name, secret => (secret.Data ?? new Dictionary<string, byte[]>()).Keys.ToList());
        var maps = rendered.Of<V1ConfigMap>(folder).ToDictionary(map => map.Metadata.Name, map => map.Data.Keys.ToList());
        var claims = rendered.Of<V1PersistentVolumeClaim>(folder).Select(claim => claim.Metadata.Name).ToList();
        foreach (var (name, template) in rendered.Pods(folder))
        {
            foreach (var container in template.Spec.Containers)
            {
                foreach (var source in (container.Env ?? []).Select(variable => variable.ValueFrom).OfType<V1EnvVarSource>())
                {
                    if (source.SecretKeyRef is { Optional: not true } secret)
                        secrets[secret.Name].ShouldContain(secret.Key, name);
                    if (source.ConfigMapKeyRef is { } map && (map.Optional is not true || maps.ContainsKey(map.Name)))
                        (map.Optional is true || maps[map.Name].Contains(map.Key)).ShouldBeTrue($"{name}: {map.Name} has no {map.Key}");
                    source.ConfigMapKeyRef?.Name.ShouldBeOneOf([.. maps.Keys]);
                }
                foreach (var source in container.EnvFrom ?? [])
                    secrets.ShouldContainKey(source.SecretRef.Name, name);
                var claimed = rendered.Of<V1StatefulSet>(folder).Where(set => set.Metadata.Name == name)
                    .SelectMany(set => set.Spec.VolumeClaimTemplates ?? []).Select(claim => claim.Metadata.Name);
                (container.VolumeMounts ?? []).Select(mount => mount.Name)
                    .ShouldBeSubsetOf((template.Spec.Volumes ?? []).Select(volume => volume.Name).Concat(claimed), name);
            }
            foreach (var volume in template.Spec.Volumes ?? [])
            {
                if (volume.Secret is { Optional: not true } secret)
                    secrets.ShouldContainKey(secret.SecretName, name);
                if (volume.ConfigMap is { } map)
                    maps.ShouldContainKey(map.Name, name);
                if (volume.PersistentVolumeClaim is { } claim)
                    claims.ShouldContain(claim.ClaimName, name);
            }
        }
    }

    /// <summary>The files that the services' environment names are keys of the Secret that is mounted there.</summary>
    [Fact]
    public void FilesThatAServiceReads_AreInItsSecret()
    {
        foreach (var service in Services.All)
        {
            var container = Container("base", service.Name);
            var folder = container.VolumeMounts.Single(mount => mount.Name == $"secrets-{service.Name}").MountPath + "/";
            var named = container.Env.SelectMany(variable => (variable.Value ?? "").Split(';', '='))
                .Where(value => value.StartsWith(folder, StringComparison.Ordinal)).Select(value => value[folder.Length..]).ToList();

            named.ShouldContain("identity.pem");
            named.ShouldBeSubsetOf(rendered.Secrets.Single(secret => secret.Metadata.Name == service.Name).Data.Keys, service.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Images_ArePinned(string folder) =>
        rendered.Pods(folder).SelectMany(pod => pod.Template.Spec.Containers).Select(container => container.Image)
            .ShouldAllBe(image => image.Contains('@') || (image.LastIndexOf(':') > image.LastIndexOf('/') && !image.EndsWith(":latest")));

    [Theory]
    [MemberData(nameof(Folders))]
    public void OurPods_MayDoNothingThatTheyNeedNot(string folder)
    {
        foreach (var (name, template) in OurPods(folder))
        {
            var pod = template.Spec;
            (pod.AutomountServiceAccountToken, pod.EnableServiceLinks).ShouldBe((false, false), name);
            (pod.SecurityContext.RunAsNonRoot, pod.SecurityContext.RunAsUser, pod.SecurityContext.SeccompProfile.Type)
                .ShouldBe((true, 1654, "RuntimeDefault"), name);
            foreach (var container in pod.Containers)
            {
                (container.SecurityContext.ReadOnlyRootFilesystem, container.SecurityContext.AllowPrivilegeEscalation).ShouldBe((true, false), name);
                container.SecurityContext.Capabilities.Drop.ShouldBe(["ALL"], name);
                container.Resources.Limits.ShouldContainKey("memory", name);
                container.Resources.Requests.ShouldContainKey("cpu", name);
                container.VolumeMounts.ShouldContain(mount => mount.MountPath == "/tmp", name);
            }
        }
    }

    /// <summary>In seconds: who is told to go is forgotten first, then ends what it has, then is killed.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Pods_HaveTheTimeThatTheirDrainTakes(string folder)
    {
        foreach (var service in Services.All)
        {
            var pod = rendered.Pods(folder).Single(pod => pod.Name == service.Name).Template.Spec;
            var container = pod.Containers[0];
            var notice = container.Lifecycle?.PreStop.Sleep.Seconds ?? 0;
            var drain = container.Env.SingleOrDefault(it => it.Name == "Drain__Timeout") is { } given
                ? TimeSpan.Parse(given.Value, System.Globalization.CultureInfo.InvariantCulture).TotalSeconds
                : 5;
            var answers = service.KeepsTranscripts ? LongestAnswer + 15 : 0;

            ((double)pod.TerminationGracePeriodSeconds!).ShouldBeGreaterThanOrEqualTo(notice + drain + answers + 5, service.Name);
            if (!service.KeepsTranscripts)
                notice.ShouldBeGreaterThanOrEqualTo(10, "names are cached for seconds");
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Probes_AskRoutesThatEveryServiceHas(string folder)
    {
        foreach (var service in Services.All)
        {
            var container = Container(folder, service.Name);
            (container.StartupProbe.HttpGet.Path, container.ReadinessProbe.HttpGet.Path, container.LivenessProbe.HttpGet.Path)
                .ShouldBe(("/health", "/alive", "/alive"), service.Name);
            container.Ports.ShouldHaveSingleItem().ContainerPort.ShouldBe(8080);
            container.Env.Single(it => it.Name == "ASPNETCORE_URLS").Value.ShouldEndWith(":8080");
        }
    }

    [Fact]
    public void Environment_IsWhatTheListSays()
    {
        var plan = KubernetesFiles.Plan([]);
        foreach (var service in Services.All)
        {
            var given = Container("base", service.Name).Env;
            given.Select(it => it.Name).ShouldBeUnique(service.Name);
            foreach (var (key, value) in plan.Environment(service, 1, new KubernetesFiles(plan)))
                given.ShouldContain(it => it.Name == key && it.Value == value, $"{service.Name}: {key}");
            foreach (var setting in Settings.All)
                given.Any(it => it.Name == setting.Key).ShouldBe(setting.IsFor(service), $"{service.Name}: {setting.Key}");
            foreach (var setting in Settings.All.Where(setting => setting.IsSecret && setting.IsFor(service)))
                given.Single(it => it.Name == setting.Key).ValueFrom.SecretKeyRef.ShouldNotBeNull(setting.Key);
            // $(NAME) stands for a variable before it.
            foreach (var variable in given.Where(it => it.Value?.Contains("$(", StringComparison.Ordinal) == true))
                given.TakeWhile(it => it != variable).Select(it => $"$({it.Name})").ShouldContain(it => variable.Value.Contains(it), variable.Name);
        }
        Container("base", "gpu-engine").Env.Single(it => it.Name == "Engine__InstanceUrl").Value
            .ShouldBe("http://$(POD_NAME).gpu-engine.$(POD_NAMESPACE).svc:8080");
    }

    /// <summary>Who is given an address may call it, and nobody else.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void NetworkPolicies_AllowTheCallsOfTheList(string folder)
    {
        var policies = rendered.Of<V1NetworkPolicy>(folder).ToDictionary(policy => policy.Metadata.Name, policy => policy.Spec);
        policies["default"].PolicyTypes.ShouldBe(["Ingress", "Egress"]);
        policies["default"].Ingress.ShouldBeNull();
        foreach (var service in Services.All)
        {
            var called = Container(folder, service.Name).Env.Select(it => it.Value ?? "").Where(value => value.StartsWith("http://", StringComparison.Ordinal))
                .Select(value => value["http://".Length..].Split(':')[0]).Where(host => Services.All.Any(other => other.Name == host)).ToList();
            Peers(policies[service.Name].Egress.SelectMany(rule => rule.To ?? [])).ShouldBe(called, ignoreOrder: true, service.Name);
            foreach (var other in Services.All.Where(other => other.Name != "gateway"))
                Peers(policies[other.Name].Ingress.SelectMany(rule => rule.FromProperty ?? [])).Contains(service.Name)
                    .ShouldBe(called.Contains(other.Name), $"{service.Name} to {other.Name}");
        }
        rendered.Pods(folder).Where(pod => Matches(policies["default"].PodSelector.MatchLabels, pod.Template)).Select(pod => pod.Name)
            .ShouldBe(OurPods(folder).Select(pod => pod.Name), ignoreOrder: true);

        static IEnumerable<string> Peers(IEnumerable<V1NetworkPolicyPeer> peers) => peers.Select(peer => peer.PodSelector).OfType<V1LabelSelector>()
            .Select(selector => selector.MatchLabels["app.kubernetes.io/name"]);
    }

    /// <summary>While an upgrade lasts there is one more of each.</summary>
    [Fact]
    public void Pools_OfAllReplicas_FitTheServer()
    {
        var all = rendered.Of<V1Deployment>("base").Sum(deployment =>
            (deployment.Spec.Replicas!.Value + 1) * int.Parse(
                System.Text.RegularExpressions.Regex.Match(
                    deployment.Spec.Template.Spec.Containers[0].Env.Single(it => it.Name.StartsWith("ConnectionStrings__", StringComparison.Ordinal) && it.Value is not null).Value,
                    "Maximum Pool Size=([0-9]+);").Groups[1].Value,
                System.Globalization.CultureInfo.InvariantCulture));

        all.ShouldBeLessThanOrEqualTo(Services.MaxConnections - 30);
    }

    /// <summary>GKE's balancer ends a stream or a socket by the clock, however much is said in it; and refuses routes with timeouts.</summary>
    [Fact]
    public void GkeBalancer_LetsTheLongestAnswerAndSessionEnd()
    {
        var objects = rendered.CustomObjects("overlays/gke");
        var policy = objects.Single(it => Kind(it) == "GCPBackendPolicy");
        var health = objects.Single(it => Kind(it) == "HealthCheckPolicy");
        var pod = rendered.Pods("overlays/gke").Single(pod => pod.Name == "gateway").Template.Spec;

        Number(policy, "spec", "default", "timeoutSec").ShouldBeGreaterThanOrEqualTo(Math.Max(LongestAnswer, LongestSession) + 30);
        Number(policy, "spec", "default", "connectionDraining", "drainingTimeoutSec").ShouldBe((int)pod.TerminationGracePeriodSeconds!);
        Text(health, "spec", "default", "config", "httpHealthCheck", "requestPath").ShouldBe("/health");
        Text(health, "spec", "default", "config", "httpHealthCheck", "host").ShouldBe("gateway");
        Number(health, "spec", "default", "timeoutSec").ShouldBeLessThanOrEqualTo(Number(health, "spec", "default", "checkIntervalSec"));
        foreach (var it in new[] { policy, health })
            rendered.Of<V1Service>("overlays/gke").ShouldContain(service => service.Metadata.Name == Text(it, "spec", "targetRef", "name"));
        foreach (var route in objects.Where(it => Kind(it) == "HTTPRoute"))
        {
            foreach (var rule in (YamlSequenceNode)At(route, "spec", "rules"))
                ((YamlMappingNode)rule).Children.Keys.ShouldNotContain(key => ((YamlScalarNode)key).Value == "timeouts");
        }
        objects.Select(Kind).ShouldBe(["GCPBackendPolicy", "Gateway", "HTTPRoute", "HTTPRoute", "HealthCheckPolicy"], ignoreOrder: true);
    }

    private IEnumerable<(string Name, V1PodTemplateSpec Template)> OurPods(string folder) =>
        rendered.Pods(folder).Where(pod => pod.Template.Spec.Containers.All(it => it.Image.StartsWith("ghcr.io/lyceum/", StringComparison.Ordinal)));

    private V1Container Container(string folder, string service) =>
        rendered.Pods(folder).Single(pod => pod.Name == service).Template.Spec.Containers.ShouldHaveSingleItem();

    private static bool Matches(IDictionary<string, string> selector, V1PodTemplateSpec template) =>
        selector.All(label => template.Metadata.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private static string Kind(YamlMappingNode it) => Text(it, "kind");

    private static int Number(YamlNode node, params string[] path) => int.Parse(Text(node, path), System.Globalization.CultureInfo.InvariantCulture);

    private static string Text(YamlNode node, params string[] path) => ((YamlScalarNode)At(node, path)).Value!;

    private static YamlNode At(YamlNode node, params string[] path) => path.Aggregate(node, (at, key) => at[new YamlScalarNode(key)]);
}
