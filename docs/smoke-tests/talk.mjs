// talk.mjs ENGINE_URL MESSAGE: says the message in the simple protocol and prints the answer. Exit status 0 if one came.
// EXPECT=401: the upgrade has to be refused with that status instead. TIMEOUT: seconds. INSECURE: any certificate.
// No packages: of the WebSocket protocol (RFC 6455) a client needs little.
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

const [address, message] = process.argv.slice(2);
const { EXPECT, TIMEOUT = '60', INSECURE } = process.env;
if (!/^wss?:\/\//.test(address ?? '')) {
  console.log(`no WebSocket address: '${address ?? ''}'`);
  process.exit(1);
}
const url = new URL(address);
const secure = url.protocol === 'wss:';
url.protocol = secure ? 'https:' : 'http:';

const end = (status, text) => { console.log(text); process.exit(status); };
setTimeout(() => end(1, `nothing within ${TIMEOUT} s`), TIMEOUT * 1000);

const key = randomBytes(16).toString('base64');
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const request = (secure ? https : http).request(url, {
  headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Version': '13' },
  rejectUnauthorized: !INSECURE,
});
request.on('error', error => end(1, `no connection: ${error.message}`));
request.on('response', async response => {
  response.setEncoding('utf8');
  let body = '';
  for await (const part of response) body += part;
  end(String(response.statusCode) === EXPECT ? 0 : 1, `the upgrade was answered ${response.statusCode}: ${body}`);
});
request.on('upgrade', (response, socket, head) => {
  if (EXPECT) end(1, `connected, where ${EXPECT} was due`);
  if (response.headers['sec-websocket-accept'] !== accept) end(1, 'the upgrade was not answered by a WebSocket server');
  socket.on('error', error => end(1, `the connection broke: ${error.message}`));
  socket.on('close', () => end(1, 'the connection was closed before an answer came'));

  const send = (opcode, payload) => {
    const mask = randomBytes(4);
    const size = payload.length < 126 ? [payload.length | 0x80] : [126 | 0x80, payload.length >> 8, payload.length & 255];
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode, ...size]), mask, payload.map((byte, i) => byte ^ mask[i % 4])]));
  };

  let received = head, text = [];
  const take = () => {
    if (received.length < 2) return false;
    let [size, at] = [received[1] & 0x7f, 2];
    if (size === 126) [size, at] = received.length < 4 ? [Infinity, 4] : [received.readUInt16BE(2), 4];
    else if (size === 127) [size, at] = received.length < 10 ? [Infinity, 10] : [Number(received.readBigUInt64BE(2)), 10];
    if (received.length < at + size) return false;
    const [first, payload] = [received[0], received.subarray(at, at + size)];
    received = received.subarray(at + size);
    const opcode = first & 0x0f;
    if (opcode === 9) send(10, payload); // ping
    if (opcode === 8) end(1, `closed by the engine: ${payload.subarray(2)} (${payload.length > 1 ? payload.readUInt16BE(0) : 'no code'})`);
    if (opcode > 2) return true;
    text.push(payload);
    if (first & 0x80) {
      const event = JSON.parse(Buffer.concat(text).toString());
      text = [];
      if (event.type === 'text' && event.content) {
        send(8, Buffer.from([3, 232])); // 1000: all is well
        end(0, event.content.replace(/\s+/g, ' '));
      }
      if (event.type === 'error') end(1, `an error came: ${event.content}`);
    }
    return true;
  };
  const read = data => { received = Buffer.concat([received, data]); while (take()); };
  socket.on('data', read);
  read(Buffer.alloc(0));
  send(1, Buffer.from(JSON.stringify({ type: 'text', content: message })));
});
request.end();
