using System.Text;

namespace Lyceum.Cli.Installation;

/// <summary><c>deploy/compose/</c>: the whole system in containers, with its servers and Caddy.</summary>
internal sealed class ComposeFiles(Plan plan) : Host
{
    private const int Port = 8080;

    /// <summary>Of the container's own account, that .NET's images have too.</summary>
    private const string User = "1654:1654";

    // A home of that account in .NET's images: a new volume takes the owner of the folder it is mounted over.
    private const string StateFolder = "/home/app";

    public override string DatabaseServer => "Host=postgres;Port=5432";

    public override string Listen(Service service, int number) => $"http://+:{Port}";

    public override string Address(Service service, int number) => $"http://{service.InstanceName(number)}:{Port}";

    public override string TranscriptsFolder(string instance) => $"{StateFolder}/transcripts";

    public override IEnumerable<KeyValuePair<string, string>> Own(Service service) => service.Name switch
    {
        // Caddy's and the gateway's word for who asks, and by which name, counts within this network.
        "gateway" => [new("AllowedHosts", "${LYCEUM_HOST:?the name of this server, in .env}"), new("Gateway__TrustedProxies__0", "${LYCEUM_SUBNET:-172.30.57.0/24}")],
        "gpu-engine" => [new("Engine__TrustedProxies__0", "${LYCEUM_SUBNET:-172.30.57.0/24}"), new("AllowedHosts", "${LYCEUM_HOST:?the name of this server, in .env}")],
        _ => [],
    };

    /// <summary>File names and contents.</summary>
    public IEnumerable<KeyValuePair<string, string>> Files()
    {
        yield return new("compose.yaml", Compose());
        yield return new(".env.example", EnvironmentExample());
        yield return new("Caddyfile", CaddyFile.Text(
            "# Caddy gets the certificate and renews it; the name and the kind of certificate are in .env.",
            "{$LYCEUM_HOST}", "{$LYCEUM_TLS}",
            string.Join(' ', Enumerable.Range(1, plan.Count("gateway")).Select(number => $"{Services.Named("gateway").InstanceName(number)}:{Port}"))));
        yield return new("roles.sql", DatabaseRoles.Script());
    }

    private string Compose()
    {
        var yaml = new StringBuilder(
            """
            # Made by `lyceum generate` from the list in Cli/Installation. Your choices are in .env, secrets in secrets/ (`lyceum init`); what
            # else differs on your host goes to compose.override.yaml: this file is replaced by the next release.
            name: lyceum

            x-logging: &logging
              driver: json-file
              options: { max-size: 20m, max-file: "5" }

            x-server: &server
              restart: unless-stopped
              logging: *logging
              networks: [lyceum]
              security_opt: ["no-new-privileges:true"]

            x-service: &service
              <<: *server
              USER
              read_only: true
              tmpfs: ["/tmp:size=256m,mode=1777"]
              cap_drop: [ALL]

            services:
              caddy:
                <<: *server
                image: ${CADDY_IMAGE:-docker.io/library/caddy:2.10.0}
                ports: ["${HTTP_PORT:-80}:80", "${HTTPS_PORT:-443}:443", "${HTTPS_PORT:-443}:443/udp"]
                environment:
                  LYCEUM_HOST: ${LYCEUM_HOST:?the name of this server, in .env}
                  LYCEUM_TLS:
                volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro", "caddy:/data"]
                cap_drop: [ALL]
                cap_add: [NET_BIND_SERVICE]
                deploy: { resources: { limits: { memory: 256M } } }

              postgres:
                <<: *server
                image: ${POSTGRES_IMAGE:-docker.io/library/postgres:17.5}
                command: ["-c", "max_connections=MAX_CONNECTIONS", "-c", "shared_buffers=${POSTGRES_SHARED_BUFFERS:-256MB}"]
                environment: { POSTGRES_INITDB_ARGS: "--encoding=UTF8 --locale=C.UTF-8" }
                env_file: [secrets/postgres.env]
                # At the first start, while the volume is empty.
                volumes: ["postgres:/var/lib/postgresql/data", "./roles.sql:/docker-entrypoint-initdb.d/10-lyceum.sql:ro"]
                shm_size: 256m
                stop_grace_period: 60s
                healthcheck: { test: ["CMD", "pg_isready", "-U", "postgres", "-d", "gatewaydb"], interval: 10s, timeout: 5s, start_period: 60s }
                deploy: { resources: { limits: { memory: "${POSTGRES_MEMORY:-2G}" } } }

              rabbitmq:
                <<: *server
                image: ${RABBITMQ_IMAGE:-docker.io/library/rabbitmq:4.1.0}
                # Its data is kept under its host's name.
                hostname: rabbitmq
                env_file: [secrets/rabbitmq.env]
                volumes: ["rabbitmq:/var/lib/rabbitmq"]
                stop_grace_period: 60s
                healthcheck: { test: ["CMD", "rabbitmq-diagnostics", "-q", "ping"], interval: 30s, timeout: 15s, start_period: 60s }
                deploy: { resources: { limits: { memory: "${RABBITMQ_MEMORY:-1G}" } } }

            """);
        yaml.Replace("USER\n", $"user: \"{User}\"\n").Replace("MAX_CONNECTIONS", plan.MaxConnections.ToString());
        foreach (var (service, number) in plan.Instances)
            Append(yaml, service, number);
        yaml.Append(
            """

              # A model server on this host's GPU: COMPOSE_PROFILES=vllm, Llm__Endpoint=http://vllm:8000/v1. NVIDIA's container toolkit is needed.
              vllm:
                <<: *server
                profiles: [vllm]
                image: ${VLLM_IMAGE:-docker.io/vllm/vllm-openai:v0.9.1}
                command: ["--model", "${VLLM_MODEL:-Qwen/Qwen3-8B}", "--host", "0.0.0.0", "--port", "8000"]
                environment: { HF_TOKEN: "${HF_TOKEN:-}", HF_ENDPOINT: "${HF_ENDPOINT:-https://huggingface.co}" }
                volumes: ["models:/root/.cache/huggingface"]
                shm_size: 4g
                deploy: { resources: { reservations: { devices: [{ driver: nvidia, count: all, capabilities: [gpu] }] } } }

              # The same with Ollama: COMPOSE_PROFILES=ollama, Llm__Endpoint=http://ollama:11434/v1; then `docker compose exec ollama ollama pull MODEL`.
              ollama:
                <<: *server
                profiles: [ollama]
                image: ${OLLAMA_IMAGE:-docker.io/ollama/ollama:0.9.0}
                volumes: ["models:/root/.ollama"]
                deploy: { resources: { reservations: { devices: [{ driver: nvidia, count: all, capabilities: [gpu] }] } } }

            networks:
              lyceum:
                ipam: { config: [{ subnet: "${LYCEUM_SUBNET:-172.30.57.0/24}" }] }

            volumes:
              caddy:
              postgres:
              rabbitmq:
              models:

            """);
        foreach (var (service, number) in plan.Instances.Where(it => it.Service.KeepsTranscripts))
            yaml.Append($"  {service.InstanceName(number)}:\n");
        return yaml.ToString();
    }

    private void Append(StringBuilder yaml, Service service, int number)
    {
        var instance = service.InstanceName(number);
        void Line(string line = "") => yaml.Append(line).Append('\n');

        Line();
        Line($"  # {Capital(service.Purpose)}.");
        Line($"  {instance}:");
        Line("    <<: *service");
        Line($"    image: ${{LYCEUM_REGISTRY:-ghcr.io/lyceum}}/{service.Name}:${{LYCEUM_VERSION:?the release, in .env}}");
        Line($"    hostname: {instance}");
        Line($"    env_file: [secrets/{service.Name}.env]");
        Line("    environment:");
        foreach (var (key, value) in plan.Environment(service, number, this))
            Line($"      {key}: \"{value}\"");
        Line("      # From .env, where they are set.");
        foreach (var setting in Settings.All.Where(setting => setting.IsFor(service)))
            Line($"      {setting.Key}:");
        Line($"    healthcheck: {{ test: [\"CMD\", \"/app/{service.Program}\", \"--healthcheck\"], interval: 30s, timeout: 10s, start_period: 60s }}");
        if (service.Database is not null)
            Line("    depends_on: { postgres: { condition: service_healthy } }");
        if (service.KeepsTranscripts)
            Line($"    volumes: [\"{instance}:{StateFolder}\"]");
        Line($"    stop_grace_period: {service.StopSeconds}s");
        Line($"    deploy: {{ resources: {{ limits: {{ memory: \"${{{service.VariableName}_MEMORY:-{service.Memory}M}}\" }} }} }}");
        Line("    pids_limit: 1024");
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string EnvironmentExample()
    {
        var text = new StringBuilder(
            """
            # .env beside compose.yaml, mode 0600: the choices of this installation. After a change: docker compose up -d
            # What begins with # is not set; the value shown is what is then in force. Passwords and keys are in secrets/ (`lyceum init`).

            # The name that people use for this server. Required.
            LYCEUM_HOST=lyceum.example.org
            # The release. Required.
            LYCEUM_VERSION=VERSION
            # Where its images are; a mirror, or a registry of your own
            #LYCEUM_REGISTRY=ghcr.io/lyceum
            # In a network without a public name: "tls internal", a certificate of Caddy's own. Default: one of Let's Encrypt
            #LYCEUM_TLS=
            #HTTP_PORT=80
            #HTTPS_PORT=443
            # The containers' own network; another one where your site uses this one
            #LYCEUM_SUBNET=172.30.57.0/24
            # A model server in a container of its own on this host's GPU: vllm or ollama. Default: none
            #COMPOSE_PROFILES=
            #VLLM_MODEL=Qwen/Qwen3-8B
            # For models that want a token of Hugging Face (a secret), and for a mirror of it
            #HF_TOKEN=
            #HF_ENDPOINT=https://huggingface.co

            # The servers' images, by version. A newer major version of PostgreSQL needs its data moved first (docs/upgrade.md)
            #CADDY_IMAGE=docker.io/library/caddy:2.10.0
            #POSTGRES_IMAGE=docker.io/library/postgres:17.5
            #RABBITMQ_IMAGE=docker.io/library/rabbitmq:4.1.0
            #VLLM_IMAGE=docker.io/vllm/vllm-openai:v0.9.1
            #OLLAMA_IMAGE=docker.io/ollama/ollama:0.9.0

            # Memory: a container that needs more is ended and started again
            #POSTGRES_MEMORY=2G
            #POSTGRES_SHARED_BUFFERS=256MB
            #RABBITMQ_MEMORY=1G

            """.Replace("VERSION=VERSION", $"VERSION={Release.Version}", StringComparison.Ordinal));
        foreach (var service in Services.All)
            text.Append($"#{service.VariableName}_MEMORY={service.Memory}M\n");
        EnvironmentSettings.Append(text);
        return text.ToString();
    }
}
