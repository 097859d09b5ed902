export interface Sample {
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** Reads Prometheus' text format. Comments and what is no number are left out. */
export function readMetrics(text: string): Sample[] {
  const found: Sample[] = []
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line)
    if (!match) continue
    const value = Number(match[3])
    if (!Number.isFinite(value)) continue
    const labels: Record<string, string> = {}
    for (const [, key, word] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[key!] = word!.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))
    found.push({ name: match[1]!, labels, value })
  }
  return found
}

const sum = (samples: readonly Sample[], name: string, where: (labels: Sample['labels']) => boolean = () => true): number =>
  samples.reduce((total, sample) => (sample.name === name && where(sample.labels) ? total + sample.value : total), 0)

/** What the gateway does, at one moment: counters since its start, and what is open now. */
export interface Load {
  /** Of the page's clock, in milliseconds. */
  at: number
  requests: number
  open: number
  cpuSeconds: number
  cpus: number
  memory: number
  connections: { used: number; max: number }
}

export const loadOf = (samples: readonly Sample[], at: number): Load => ({
  at,
  requests: sum(samples, 'http_server_request_duration_seconds_count'),
  open: sum(samples, 'http_server_active_requests'),
  cpuSeconds: sum(samples, 'dotnet_process_cpu_time_seconds_total'),
  cpus: sum(samples, 'dotnet_process_cpu'),
  memory: sum(samples, 'dotnet_process_memory_working_set_bytes'),
  connections: {
    used: sum(samples, 'db_client_connection', labels => labels.db_client_connection_state === 'used'),
    max: sum(samples, 'db_client_connection_max'),
  },
})

/** What happened between two readings, a second; null after a restart, when counters began anew. */
export function rateOf(before: Load, after: Load): { requests: number; cpu: number } | null {
  const seconds = (after.at - before.at) / 1000
  if (seconds <= 0 || after.requests < before.requests || after.cpuSeconds < before.cpuSeconds) return null
  return { requests: (after.requests - before.requests) / seconds, cpu: (after.cpuSeconds - before.cpuSeconds) / seconds / (after.cpus || 1) }
}

export interface RouteUse {
  route: string
  requests: number
  /** Seconds, on average. */
  mean: number
  /** Answers of 500 and more. */
  failed: number
  /** Answers of 400 to 499. */
  refused: number
}

/** Requests by route since the gateway's start, the most used first. */
export function routesOf(samples: readonly Sample[]): RouteUse[] {
  const routes = new Map<string, { requests: number; seconds: number; failed: number; refused: number }>()
  for (const { name, labels, value } of samples) {
    const counts = name === 'http_server_request_duration_seconds_count'
    if (!counts && name !== 'http_server_request_duration_seconds_sum') continue
    const key = `${labels.http_request_method ?? ''} ${labels.http_route ?? '…'}`
    const entry = routes.get(key) ?? { requests: 0, seconds: 0, failed: 0, refused: 0 }
    const status = Number(labels.http_response_status_code)
    if (!counts) entry.seconds += value
    else {
      entry.requests += value
      if (status >= 500) entry.failed += value
      else if (status >= 400) entry.refused += value
    }
    routes.set(key, entry)
  }
  return [...routes]
    .map(([route, { requests, seconds, failed, refused }]) => ({ route, requests, failed, refused, mean: requests ? seconds / requests : 0 }))
    .sort((a, b) => b.requests - a.requests)
}

export interface Refusal {
  /** The gateway's own word for it, else the answer's status. */
  cause: string
  count: number
}

/** What was refused since the gateway's start, by its cause. */
export function refusalsOf(samples: readonly Sample[]): Refusal[] {
  const causes = new Map<string, number>()
  const add = (cause: string, count: number) => count > 0 && causes.set(cause, (causes.get(cause) ?? 0) + count)
  for (const { name, labels, value } of samples) {
    if (name === 'http_server_request_duration_seconds_count') {
      const status = labels.http_response_status_code ?? ''
      if (['401', '403', '413', '429', '503'].includes(status)) add(status, value)
    } else if (name.startsWith('lyceum_gateway_') && /refus|reject/.test(name)) add(Object.values(labels).filter(Boolean).join(' ') || name, value)
  }
  return [...causes].map(([cause, count]) => ({ cause, count })).sort((a, b) => b.count - a.count)
}
