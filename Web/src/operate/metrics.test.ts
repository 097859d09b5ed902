import { expect, test } from 'vitest'
import { loadOf, rateOf, readMetrics, refusalsOf, routesOf } from './metrics'

const text = `# HELP x y
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/api/me"} 8
http_server_request_duration_seconds_sum{http_request_method="GET",http_response_status_code="200",http_route="/api/me"} 1
http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="503",http_route="/api/me"} 2
http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="429",http_route="/chat"} 3
http_server_active_requests{http_request_method="GET"} 1
http_server_active_requests{http_request_method="POST"} 4
lyceum_gateway_limits_refused_total{code="rate_limited"} 3
lyceum_gateway_refusals_total{} 0
db_client_connection{db_client_connection_pool_name="a \\"b\\", c",db_client_connection_state="used"} 7
db_client_connection_max{db_client_connection_pool_name="a"} 60
dotnet_process_cpu_time_seconds_total{cpu_mode="user"} 12.5
dotnet_process_cpu{} 2
broken{} NaN
`
const samples = readMetrics(text)

test('labels with commas and quotes are read', () =>
  expect(samples.find(sample => sample.name === 'db_client_connection')?.labels.db_client_connection_pool_name).toBe('a "b", c'))

test('load is what is open now and what was counted', () =>
  expect(loadOf(samples, 0)).toMatchObject({ requests: 13, open: 5, cpuSeconds: 12.5, cpus: 2, connections: { used: 7, max: 60 } }))

test('a rate is between two readings, and none after a restart', () => {
  const before = loadOf(samples, 1000)
  expect(rateOf(before, { ...before, at: 3000, requests: 33, cpuSeconds: 14.5 })).toEqual({ requests: 10, cpu: 0.5 })
  expect(rateOf(before, { ...before, at: 3000, requests: 2 })).toBeNull()
})

test('routes have their failures and refusals', () =>
  expect(routesOf(samples)).toEqual([
    { route: 'GET /api/me', requests: 10, mean: 0.1, failed: 2, refused: 0 },
    { route: 'POST /chat', requests: 3, mean: 0, failed: 0, refused: 3 },
  ]))

test('refusals are by cause, without those that never happened', () =>
  expect(refusalsOf(samples)).toEqual([
    { cause: '429', count: 3 },
    { cause: 'rate_limited', count: 3 },
    { cause: '503', count: 2 },
  ]))
