// openai.mjs BASE_URL TOKEN: what any program written for OpenAI's API does, with its own client library.
// Prints one JSON line of what it saw; exit status 0 if the client was content.
import OpenAI from 'openai';

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

const models = [];
for await (const model of client.models.list()) models.push(model.id);

const messages = [{ role: 'user', content: process.env.QUESTION ?? 'How do I learn well?' }];
let text = '';
let chunks = 0;
let usage = null;
const stream = await client.chat.completions.create({
  model: models[0],
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  chunks++;
  text += chunk.choices[0]?.delta?.content ?? '';
  usage = chunk.usage ?? usage;
}

const whole = await client.chat.completions.create({ model: models[0], messages });

let refused = null;
try {
  await client.chat.completions.create({ model: 'no-such-model', messages });
} catch (error) {
  refused = { name: error.constructor.name, status: error.status, code: error.code };
}

console.log(JSON.stringify({ models, text, chunks, usage, whole: whole.choices[0].message.content, refused }));
