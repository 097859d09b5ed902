// upgrade.mjs GATEWAY GATEWAY…: clients of a system that is replaced under them, until SIGTERM; then one JSON line of what they saw.
// STREAMS, SESSIONS, JOBS: how many at once; RATE: other requests a second. TOKEN: what they show.
// They do what clients are told to do (docs/upgrade.md): a connection that is refused or breaks goes to the next address; an
// answer is read on from the last event; a session that says go_away is connected again; who is told Retry-After waits, which is
// counted apart. All else that is no success is an error.
// STRICT=1: behind a balancer, where nobody is to notice: a connection that breaks before its answer, a socket that is refused with 5xx,
// and who is told to come again (but by a rate limit) are errors too.
// One session in ten, and at least one, speaks without subprotocol: its closings are counted apart, because it has no message for
// them; it connects again, and asks again what was not answered.
// Every answer is compared with the stub model's text, byte by byte. Exit status 1 where there was an error or a byte was lost.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

const gateways = process.argv.slice(2);
const { STREAMS = '10', SESSIONS = '10', JOBS = '2', RATE = '20', TOKEN, STRICT } = process.env;
const told = {
  requests: 0, waited: 0, answers: 0, turns: 0, jobs: 0, resumed: 0, moved: 0, goAways: 0, interruptedTurns: 0,
  waitedFor: {}, heartbeats: 0, simpleAnswers: 0, simpleClosings: {}, simpleAskedAgain: 0, errors: [], lostBytes: 0, longestPauseMs: 0, pauseAt: '',
};
let stopping = false;
process.on('SIGTERM', () => { stopping = true; });
const sleep = ms => new Promise(done => setTimeout(done, ms));
const fail = (what, text) => {
  if (told.errors.length < 200) told.errors.push(`${new Date().toISOString().slice(11, 23)} ${what}: ${String(text).slice(0, 300)}`);
  else told.moreErrors = (told.moreErrors ?? 0) + 1;
};
const paused = (ms, what) => {
  if (ms > told.longestPauseMs) [told.longestPauseMs, told.pauseAt] = [Math.round(ms), `${new Date().toISOString().slice(11, 19)} ${what}`];
};

// The stub's words: tests/StubModel/StubText.cs.
const words = 'amber birch cedar delta ember fjord grove heron inlet jasper knoll larch maple north ocean pebble'.split(' ');
const u64 = n => BigInt.asUintN(64, n);
function word(seed, index) {
  let z = u64(u64(BigInt(seed) * 0x9E3779B97F4A7C15n) + BigInt(index) + 1n);
  z = u64((z ^ (z >> 30n)) * 0xBF58476D1CE4E5B9n);
  z = u64((z ^ (z >> 27n)) * 0x94D049BB133111EBn);
  return words[Number((z ^ (z >> 31n)) % 16n)] + index + ' ';
}
const text = (seed, count) => Array.from({ length: count }, (_, i) => word(seed, i)).join('');
let seeds = Math.floor(Math.random() * 1e6) * 1000;

function audit(what, said, seed, count) {
  const expected = text(seed, count);
  if (said === expected) return;
  const lost = Math.max(0, Buffer.byteLength(expected) - Buffer.byteLength(said));
  told.lostBytes += lost;
  fail(what, `not the model's text: ${Buffer.byteLength(said)} of ${Buffer.byteLength(expected)} bytes`);
}

/** Asks a gateway, and the next one where the connection is refused or breaks before an answer; whole bodies are read here. */
let turn = 0;
async function ask(path, { method = 'GET', body, headers = {}, stream = false, patience = 60_000 } = {}) {
  const begun = Date.now();
  for (let attempt = 0; ; attempt++) {
    const gateway = gateways[(turn++) % gateways.length];
    try {
      const response = await fetch(gateway + path, {
        method, body: body && JSON.stringify(body),
        headers: { Authorization: `Bearer ${TOKEN}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      });
      told.requests++;
      // What was not taken on, and says when to come again: it is counted, and its client comes again.
      const wait = response.headers.get('retry-after');
      if ((response.status === 503 || response.status === 429) && wait !== null && Date.now() - begun < patience) {
        const { code, detail } = await response.json().catch(() => ({}));
        told.waited++;
        told.waitedFor[code] = (told.waitedFor[code] ?? 0) + 1;
        if (STRICT && code !== 'rate_limited') fail(`${method} ${path}`, `${response.status} ${code} ${detail}`);
        await sleep(Math.min(+wait, 2) * 1000);
        continue;
      }
      return stream ? { response, gateway } : { response, gateway, text: await response.text() };
    } catch (error) {
      if (Date.now() - begun > patience) throw error;
      told.moved++;
      if (STRICT) fail(`${method} ${path}`, `broken: ${error.cause?.code ?? error.cause ?? error}`);
      if (attempt >= gateways.length) await sleep(100);
    }
  }
}

async function* events(response) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of response.body) {
    rest += decoder.decode(part, { stream: true });
    for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
      const event = { type: 'message', data: '', id: null };
      for (const line of rest.slice(0, end).split('\n')) {
        const [, field, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];
        if (field === 'event') event.type = value;
        if (field === 'data') event.data += value;
        if (field === 'id') event.id = value;
      }
      yield event;
    }
  }
}

/** One question over SSE, read to its end however often the connection breaks. */
async function answer(tokens, rate) {
  const seed = ++seeds, key = randomUUID();
  let said = '', last = null, resume = null, at = Date.now(), status = null;
  for (let attempt = 0; attempt < 400; attempt++) {
    let response;
    try {
      ({ response } = resume === null
        ? await ask('/chat', { method: 'POST', stream: true, headers: { 'Idempotency-Key': key, Accept: 'text/event-stream' },
          body: { message: `[[stub tokens=${tokens} rate=${rate} seed=${seed}]]` } })
        : await ask(resume, { stream: true, headers: { Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) } }));
    } catch (error) { return fail('stream', error.cause ?? error); }
    if (!response.ok) return fail('stream', `${resume ? 'resume' : 'ask'} ${response.status} ${await response.text()}`);
    try {
      for await (const event of events(response)) {
        if (event.type === 'start') resume = JSON.parse(event.data).stream_url;
        if (event.type === 'delta') {
          paused(Date.now() - at, 'stream');
          at = Date.now();
          said += JSON.parse(event.data).text;
          last = event.id;
          if (Number(last) !== Buffer.byteLength(said)) return fail('stream', `event ${last} after ${Buffer.byteLength(said)} bytes`);
        }
        if (event.type === 'end' || event.type === 'error') { status = event; break; }
      }
    } catch { /* it broke: read on */ }
    if (status) break;
    told.resumed++;
    await sleep(100);
  }
  const end = status && JSON.parse(status.data);
  if (end?.status !== 'complete') {
    told.lostBytes += Buffer.byteLength(text(seed, tokens)) - Buffer.byteLength(said);
    return fail('stream', `ended ${status?.data ?? 'never'} after ${Buffer.byteLength(said)} bytes`);
  }
  audit('stream', said, seed, tokens);
  told.answers++;
}

/** A live session that goes on for ever: one question after the other, on whichever engine. */
async function session(tutor) {
  let { response, text: body, gateway } = await ask(`/api/tutors/${tutor}/sessions`, { method: 'POST', body: { student_id: 'u' + randomUUID() } });
  if (!response.ok) return fail('session', `made ${response.status} ${body}`);
  let made = JSON.parse(body), handle = null, after = 0, wait = 0, socket = null;
  let asked = null, deltas = '', at = Date.now(), broken = 0, first = true;
  const here = (url, gateway) => { const u = new URL(url); u.host = new URL(gateway).host; return u; };
  const connect = async () => {
    const answered = await ask(`/api/sessions/${made.session_id}/connect`, { method: 'POST' });
    if (!answered.response.ok) { fail('session', `connect ${answered.response.status} ${answered.text}`); await sleep(1000); return false; }
    const next = JSON.parse(answered.text);
    if (next.session_id !== made.session_id) [after, deltas] = [0, ''];
    [made, handle, gateway] = [next, null, answered.gateway];
    return true;
  };
  while (!stopping) {
    const url = here(made.engine_url, gateway);
    if (handle) url.search = `?resume=${encodeURIComponent(handle)}&after=${after}`;
    else if (after) url.searchParams.set('after', String(after));
    socket = new WebSocket(url, 'lyceum.v1', { handshakeTimeout: 10_000 });
    const why = await new Promise(done => {
      let reason = 'broken';
      socket.on('error', () => {});
      socket.on('unexpected-response', (_, refused) => {
        reason = `refused ${refused.statusCode}`;
        if (STRICT && refused.statusCode >= 500) fail('session', reason);
        refused.resume(); socket.terminate(); done(reason);
      });
      socket.on('close', () => done(reason));
      const say = () => {
        if (stopping) return socket.close();
        asked ??= { id: randomUUID(), seed: ++seeds, accepted: false };
        at = Date.now();
        socket.send(JSON.stringify({ type: 'text', id: asked.id, content: `[[stub tokens=20 rate=20 seed=${asked.seed}]]` }));
      };
      socket.on('message', data => {
        const event = JSON.parse(data);
        if (event.seq) after = event.seq;
        switch (event.type) {
          case 'heartbeat': told.heartbeats++; socket.send('{"type":"heartbeat"}'); break;
          case 'session': handle = event.resume; broken = 0; if (!asked?.accepted) say(); break;
          case 'accepted': if (event.id === asked?.id) { asked.accepted = true; deltas = ''; } break;
          case 'delta': paused(Date.now() - at, 'session'); at = Date.now(); deltas += event.content; break;
          case 'text':
            audit('session', event.content, asked.seed, 20);
            if (deltas !== event.content) fail('session', `deltas have ${deltas.length} of ${event.content.length}`);
            break;
          case 'latency_report':
            told.turns++;
            if (first) [first] = [false, warm()];
            asked = null;
            setTimeout(() => { if (socket.readyState === 1) { if (!asked) say(); } }, 1000 + Math.random() * 1000);
            break;
          case 'interrupted': told.interruptedTurns++; asked = null; break;
          case 'error': fail('session', data); asked = null; break;
          case 'go_away': told.goAways++; wait = event.reconnect_after_ms; reason = 'away'; break;
          case 'bye': reason = event.reason === 'shutting_down' ? 'away' : event.reason; break;
        }
      });
    });
    if (stopping) break;
    if (why === 'away') {
      if (asked?.accepted) asked = null;
      await sleep(wait || 1000);
      await connect();
    } else if (why.startsWith('refused')) {
      // Its engine is gone, or does not know the handle: the API knows where it goes on.
      if (asked?.accepted && why.endsWith('404')) { told.interruptedTurns++; asked = null; }
      await sleep(100);
      await connect();
    } else {
      gateway = gateways[(turn++) % gateways.length];
      await sleep(100);
      if (!handle || ++broken > 5) { broken = 0; await connect(); }
    }
  }
  socket?.terminate();
}

/** The same without subprotocol: whole answers alone, in order. */
async function simpleSession(tutor) {
  const made = await ask(`/api/tutors/${tutor}/sessions`, { method: 'POST', body: { student_id: 'u' + randomUUID() } });
  if (!made.response.ok) { fail('simple', `made ${made.response.status} ${made.text}`); return sleep(1000); }
  let connection = JSON.parse(made.text), gateway = made.gateway;
  const asked = []; // seeds, without their answers
  let first = true;
  while (!stopping) {
    const url = new URL(connection.engine_url);
    url.host = new URL(gateway).host;
    url.searchParams.set('heartbeat', '20');
    const socket = new WebSocket(url, { handshakeTimeout: 10_000 });
    let again;
    const say = () => {
      if (socket.readyState !== 1) return;
      if (stopping) return socket.close();
      asked.push(++seeds);
      socket.send(JSON.stringify({ type: 'text', content: `[[stub tokens=20 rate=20 seed=${seeds}]]` }));
    };
    const why = await new Promise(done => {
      socket.on('error', () => {});
      socket.on('unexpected-response', (_, refused) => {
        if (STRICT && refused.statusCode >= 500) fail('simple', `refused ${refused.statusCode}`);
        refused.resume();
        socket.terminate();
        done('refused');
      });
      socket.on('close', code => done(code));
      // An answer that became ready meanwhile comes by itself.
      socket.on('open', () => { again = setTimeout(() => { if (asked.length) told.simpleAskedAgain++; say(); }, asked.length ? 5000 : 0); });
      socket.on('message', data => {
        const { type, content } = JSON.parse(data);
        if (type === 'ping') return socket.send('{"type":"pong"}');
        if (type !== 'text') { fail('simple', data); return; }
        const which = asked.findIndex(seed => text(seed, 20) === content);
        if (which < 0) audit('simple', content, asked[0] ?? 0, 20);
        asked.splice(0, which + 1);
        told.simpleAnswers++;
        if (first) [first] = [false, warm()];
        clearTimeout(again);
        again = setTimeout(say, 1000 + Math.random() * 1000);
      });
    });
    clearTimeout(again);
    if (stopping) break;
    if (why !== 'refused') told.simpleClosings[why] = (told.simpleClosings[why] ?? 0) + 1;
    await sleep(200);
    const next = await ask(`/api/sessions/${connection.session_id}/connect`, { method: 'POST' });
    if (!next.response.ok) { fail('simple', `connect ${next.response.status} ${next.text}`); await sleep(1000); continue; }
    gateway = next.gateway;
    connection = JSON.parse(next.text);
  }
}

async function job() {
  const key = randomUUID();
  const { response, text: body } = await ask('/api/collab/execute', { method: 'POST', headers: { 'Idempotency-Key': key }, body: { task: 'Explain recursion', rounds: 2 } });
  if (!response.ok) { fail('job', `${response.status} ${body}`); return sleep(1000); }
  for (const { status_url } = JSON.parse(body); ;) {
    await sleep(500);
    const state = await ask(status_url);
    if (!state.response.ok) { fail('job', `${state.response.status} ${state.text}`); continue; }
    const { status, error_code } = JSON.parse(state.text);
    if (status === 'completed') return void told.jobs++;
    if (status !== 'in_progress') return fail('job', `${status} ${error_code}`);
    if (stopping) return;
  }
}

const paths = ['/api/conversations', '/api/tutors', '/api/collab', '/v1/models'];
async function other(i) {
  const path = paths[i % paths.length];
  const begun = Date.now();
  try {
    const { response, text: body } = await ask(path);
    if (!response.ok) fail(path, `${response.status} ${body}`);
    paused(Date.now() - begun, path);
  } catch (error) { fail(path, error.cause ?? error); }
}

// Until each has had an answer, as clients of a system that has run for a while have. What they saw before is told apart.
let warming = +STREAMS + +SESSIONS;
const warm = () => {
  if (--warming > 0) return;
  told.beforeAllWereAnswered = { waitedFor: told.waitedFor, errors: told.errors, longestPauseMs: told.longestPauseMs };
  Object.assign(told, { waited: 0, waitedFor: {}, errors: [], longestPauseMs: 0, pauseAt: '' });
  console.error('warm');
};
const forever = async work => { while (!stopping) await work().catch(error => fail('client', error.stack)); };
const made = await ask('/api/tutors', { method: 'POST', body: { name: 'Upgrade' } });
if (!made.response.ok) { console.log(JSON.stringify({ errors: [`tutor ${made.response.status} ${made.text}`] })); process.exit(1); }
const tutor = JSON.parse(made.text).id;
const clients = [
  ...Array.from({ length: +STREAMS }, (_, i) => sleep(i * 50).then(() => answer(60 + (i % 5) * 20, 20).catch(() => {}).then(warm).then(() => forever(() => answer(60 + (i % 5) * 20, 20))))),
  ...Array.from({ length: +SESSIONS }, (_, i) => sleep(i * 50).then(() => forever(() => (i % 10 === 0 ? simpleSession : session)(tutor)))),
  ...Array.from({ length: +JOBS }, () => forever(job)),
  (async () => { for (let i = 0; !stopping; i++) { void other(i); await sleep(1000 / +RATE); } })(),
];
await Promise.all(clients);
console.log(JSON.stringify(told));
process.exit(told.errors.length > 0 || told.lostBytes > 0 ? 1 : 0);
