// graphile-worker, measured as Bench measures Lyceum's job engine: one process that enqueues and works.
//   node graphile.mjs latency CONNECTION JOBS_PER_SECOND SECONDS   → {"p50":ms,"p99":ms}, from before the enqueue to the start
//   node graphile.mjs rate CONNECTION QUEUED LAST FIRST            → {"rate":jobs/s} from the FIRST to the LAST that is done
import { makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';

const [what, connectionString, ...figures] = process.argv.slice(2);
const concurrency = Number(process.env.CONCURRENCY ?? 16);
const logger = { scope: () => logger, error: console.error, warn: () => {}, info: () => {}, debug: () => {} };
const pool = new pg.Pool({ connectionString, max: concurrency + 4 });
pool.on('error', () => {});
pool.on('connect', client => client.on('error', () => {}));
const options = { pgPool: pool, concurrency, pollInterval: 1000, noHandleSignals: true, logger };

const utils = await makeWorkerUtils({ pgPool: pool, logger });
await utils.migrate();
console.log(JSON.stringify(what === 'latency' ? await latency(...figures.map(Number)) : await rate(...figures.map(Number))));
await utils.release();
await pool.end();

async function latency(perSecond, seconds) {
  const started = new Map();
  const runner = await run({ ...options, taskList: { noop: ({ i }) => { started.set(i, performance.now()); } } });
  const warm = Array.from({ length: 200 }, (_, i) => utils.addJob('noop', { i: `warm ${i}` }));
  await Promise.all(warm);
  await until(() => started.size === warm.length);
  started.clear();

  const count = perSecond * seconds;
  const enqueued = [];
  const begun = performance.now();
  const orders = [];
  for (let i = 0; i < count; i++) {
    const due = begun + (i * 1000) / perSecond - performance.now();
    if (due > 0) await new Promise(resolve => setTimeout(resolve, due));
    enqueued[i] = performance.now();
    orders.push(utils.addJob('noop', { i }));
  }
  await Promise.all(orders);
  await until(() => started.size === count);
  await runner.stop();
  const waits = enqueued.map((at, i) => started.get(i) - at).sort((a, b) => a - b);
  return { p50: waits[Math.floor(count * 0.5)], p99: waits[Math.floor(count * 0.99)] };
}

async function rate(queued, last, first) {
  await pool.query(`SELECT count(graphile_worker.add_job('noop', json_build_object('i', i))) FROM generate_series(1, $1) i`, [queued]);
  await pool.query('ANALYZE');
  let [done, from, to] = [0, 0, 0];
  const runner = await run({
    ...options,
    taskList: {
      noop: () => {
        done++;
        if (done === first) from = performance.now();
        if (done === last) to = performance.now();
      },
    },
  });
  await until(() => to > 0);
  await runner.stop();
  return { rate: ((last - first) * 1000) / (to - from) };
}

async function until(condition) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
}
