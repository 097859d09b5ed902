// The tables of docs/scale.md, from the assumptions below: `node scripts/scale.mjs` prints them, `--check` compares them with the page,
// `--write` puts them there. Change an assumption, and see what follows.
import { readFileSync, writeFileSync } from 'node:fs';

const page = new URL('../docs/scale.md', import.meta.url);
const students = [100, 1_000, 10_000, 1_000_000];

const school = {
  questionsADay: 10,      // of each student on a school day
  tokensAnAnswer: 300,
  busiestHour: 1 / 3,     // of the day's questions
  schoolDays: 200,        // in a year
  tokensASecond: 20,      // at which one answer is written
  inLiveSessions: 0.02,   // of all students, in the busiest hour
};
const text = {
  bytesAToken: 9,         // docs/benchmarks/chat.md
  bytesAQuestion: 300,
};
// Measured (docs/benchmarks): write-ahead log for a byte of answer; seconds of one core for 350 answers of 200 tokens.
const measured = {
  logPerByte: 31.2,
  tokensOfTheRun: 350 * 200,
  coreSeconds: { ChatApi: 6.5, GpuEngine: 4.2, PostgreSQL: 3.9, Gateway: 3.7 },
  bytesAnIdleSession: 12_400,
};
// Each GPU's tokens a second, as planned with (the page says from what), and prices in US dollars.
const gpus = { '8B on H100': { tokens: 5_000, hour: 3 }, '70B (FP8) on H100': { tokens: 460, hour: 3 } };
const prices = { hours: 730, coreHour: 0.04, gigabyteMonth: 0.1 };
const headroom = 2;       // times the busiest hour's mean, for the seconds in it that are worse

const number = (value, digits = 3) => {
  const rounded = value >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 4 });
};
const table = (name, head, rows) => `<!-- ${name} -->\n| ${head.join(' | ')} |\n|${'---|'.repeat(head.length)}\n`
  + rows.map(row => `| ${row.join(' | ')} |`).join('\n') + `\n<!-- end -->`;

const of = count => {
  const answers = count * school.questionsADay * school.busiestHour / 3600; // a second
  const tokens = answers * school.tokensAnAnswer;
  const answerBytes = school.tokensAnAnswer * text.bytesAToken;
  const cores = Object.entries(measured.coreSeconds).map(([name, seconds]) => [name, tokens * headroom * seconds / measured.tokensOfTheRun]);
  const kept = count * school.questionsADay * (answerBytes + text.bytesAQuestion);
  return {
    answers, tokens, atOnce: tokens / school.tokensASecond, log: tokens * text.bytesAToken * measured.logPerByte / 1e6,
    cores: Object.fromEntries(cores), allCores: cores.reduce((sum, [, value]) => sum + value, 0),
    keptADay: kept / 1e6, keptAYear: kept * school.schoolDays / 1e9,
    sessions: count * school.inLiveSessions,
    gpus: Object.fromEntries(Object.entries(gpus).map(([name, gpu]) => [name, Math.max(2, Math.ceil(tokens * headroom / gpu.tokens))])),
  };
};

const tables = [
  table('load', ['students', 'questions/s', 'answers at once', 'tokens/s', 'log, MB/s', 'text kept, GB/year', 'live sessions'],
    students.map(count => {
      const s = of(count);
      return [number(count), number(s.answers), number(s.atOnce), number(s.tokens), number(s.log), number(s.keptAYear), number(s.sessions)];
    })),
  table('cores', ['students', ...Object.keys(measured.coreSeconds), 'all', 'memory of idle sessions, MB'],
    students.map(count => {
      const s = of(count);
      return [number(count), ...Object.values(s.cores).map(value => number(value, 2)), number(s.allCores, 2),
        number(s.sessions * measured.bytesAnIdleSession / 1e6)];
    })),
  table('replicas', ['replicas of ChatApi', 'notifications/s', 'deliveries/s'],
    [2, 10, 30, 100].map(count => [number(count), number(count * 100), number(count * count * 100, 7)])),
  table('gpus', ['students', ...Object.keys(gpus).map(name => `GPUs: ${name}`), 'tokens of answers a month, millions'],
    students.map(count => [number(count), ...Object.values(of(count).gpus).map(value => number(value)),
      number(count * school.questionsADay * school.tokensAnAnswer * school.schoolDays / 12 / 1e6)])),
  table('cost', ['students', 'cores', '$ cores', '$ storage', ...Object.keys(gpus).map(name => `$ GPUs: ${name}`), '$ a student, with 8B'],
    students.map(count => {
      const s = of(count), cores = Math.max(4, Math.ceil(s.allCores * 2)); // twice: replicas, and the database's standby
      const core = cores * prices.coreHour * prices.hours, disk = Math.max(1, s.keptAYear * 3) * prices.gigabyteMonth;
      const gpu = Object.entries(s.gpus).map(([name, value]) => value * gpus[name].hour * prices.hours);
      return [number(count), number(cores), number(core), number(disk), ...gpu.map(value => number(value)), number((core + disk + gpu[0]) / count)];
    })),
];

if (process.argv[2] === '--check' || process.argv[2] === '--write') {
  const before = readFileSync(page, 'utf8');
  let after = before;
  for (const one of tables) {
    const name = one.split('\n')[0];
    const [from, to] = [after.indexOf(name), after.indexOf('<!-- end -->', after.indexOf(name))];
    if (from < 0 || to < 0) { console.error(`docs/scale.md has no table ${name}`); process.exit(1); }
    after = after.slice(0, from) + one + after.slice(to + '<!-- end -->'.length);
  }
  if (process.argv[2] === '--write') writeFileSync(page, after);
  else if (after !== before) { console.error('docs/scale.md differs: node scripts/scale.mjs --write'); process.exit(1); }
} else console.log(tables.join('\n\n'));
