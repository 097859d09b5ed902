using System.Text;
using Lyceum.Cli.Installation;
using Lyceum.DataFolder;

namespace Lyceum.Cli.Init;

/// <summary>
/// Secrets of a cluster, made by kustomize from files: one for each service and server. Their names stay when their contents change,
/// so that running services see new keys and passwords in the files that they watch.
/// </summary>
internal static class KubernetesSecrets
{
    public static string Kustomization()
    {
        var yaml = new StringBuilder(
            """
            # kubectl apply -k .     after `lyceum init --kubernetes .`, and after each change. Keep this folder safe, and out of version control:
            # without it the databases are closed.
            apiVersion: kustomize.config.k8s.io/v1beta1
            kind: Kustomization
            namespace: lyceum
            generatorOptions:
              disableNameSuffixHash: true
              labels: { app.kubernetes.io/part-of: lyceum }
            secretGenerator:
              # Your settings that are secret.
              - { name: lyceum-settings, envs: [secret-settings.env] }

            """);
        foreach (var service in Services.All)
        {
            yaml.Append($"  - name: {service.Name}\n    files:\n");
            yaml.Append($"      - identity.pem=secrets/keys/{service.Name}.pem\n      - secrets/keys/{ServiceKeys.JwksFile}\n      - secrets/messaging\n");
            if (service.Database is { } database)
                yaml.Append($"      - pgpass=secrets/{database}.pgpass\n");
        }
        yaml.Append("  # PostgreSQL's administrator and roles, where it is in the cluster; RabbitMQ's user.\n");
        yaml.Append("  - { name: postgres, envs: [secrets/postgres.env] }\n");
        foreach (var database in Services.All.Select(service => service.Database).OfType<string>())
            yaml.Append($"  - {{ name: postgres-{database}, type: kubernetes.io/basic-auth, envs: [secrets/{database}.env] }}\n");
        yaml.Append("  - { name: rabbitmq-user, envs: [secrets/rabbitmq.env], files: [default_user.conf=secrets/rabbitmq.conf] }\n");
        return yaml.ToString();
    }

    public static string SettingsExample()
    {
        var text = new StringBuilder(
            """
            # Settings that are secret, by the names of docs/operations.md; the others are in your overlay's settings.env. What begins with # is
            # not set. Services read them when they start: kubectl --namespace lyceum rollout restart deployment,statefulset

            """);
        foreach (var setting in Settings.All.Where(setting => setting.IsSecret))
            text.Append($"# {setting.Explanation}\n#{setting.Key}=\n");
        text.Append("# A token of Hugging Face, for a model server in the cluster\n#HF_TOKEN=\n");
        return text.ToString();
    }

    public static IEnumerable<KeyValuePair<string, string>> Files(
        IEnumerable<string> databases, IReadOnlyDictionary<string, string> secrets, string brokerUser, string broker)
    {
        foreach (var database in databases)
        {
            // As PostgreSQL's own clients read it: server, port, database, role, password.
            yield return new($"{database}.pgpass", $"*:*:{database}:{database}:{secrets[$"{database}_password"]}\n");
            yield return new($"{database}.env", $"username={database}\npassword={secrets[$"{database}_password"]}\n");
        }
        // Without a line's end: it is given as a value.
        yield return new("messaging", broker);
        yield return new("rabbitmq.env",
            $"username={brokerUser}\npassword={secrets["messaging_password"]}\nhost=rabbitmq\nport=5672\nprovider=rabbitmq\ntype=rabbitmq\n");
        yield return new("rabbitmq.conf", $"default_user = {brokerUser}\ndefault_pass = {secrets["messaging_password"]}\n");
    }
}
