// What no well-behaved client sends: frames, heads and packets by hand. The neighbour must not notice.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { after, afterEach, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { until } from "./lib/wait.mjs";

const handshake = "EIO=4&transport=websocket";
let daemon;
let neighbour;

before(async () => {
  daemon = await Daemon.start({
    set: {
      "limits.head_timeout": 500,
      "limits.head_bytes": 4096,
      "limits.body_bytes": 4096,
      "engine.ping_interval": 300,
      "engine.ping_timeout": 200,
      "engine.connect_timeout": 700,
      "engine.max_payload": 10_000,
    },
  });
  neighbour = new Client(daemon, { token: await daemon.session(), reconnection: false });
  await neighbour.until("authenticated");
});
after(async () => {
  neighbour?.leave();
  await daemon?.stop();
});
// Whatever a test did: the neighbour is still served, on the connection that it had before.
afterEach(async () => {
  if (!neighbour) return;
  assert.deepEqual(await neighbour.ask("authenticate", await daemon.session()), [true]);
  assert.deepEqual(neighbour.all("disconnect"), []);
});

async function joined(t) {
  const raw = RawSocket.open(t, daemon);
  await raw.session();
  raw.packet("40");
  assert.match((await raw.frame()).text, /^40\{"sid":"[^"]+"\}$/);
  return raw;
}

const frames = [
  ["an unmasked frame", { payload: "40", masked: false }, 1002],
  ["a reserved bit", { payload: "40", rsv: 4 }, 1002],
  ["an unknown opcode", { opcode: 3, payload: "40" }, 1002],
  ["an unknown control opcode", { opcode: 11 }, 1002],
  ["a ping of 126 bytes", { opcode: 9, payload: "x".repeat(126) }, 1002],
  ["a fragmented ping", { opcode: 9, fin: false }, 1002],
  ["a continuation of nothing", { opcode: 0, payload: "40" }, 1002],
  ["bytes that are not UTF-8", { payload: [0x34, 0x32, 0xff] }, 1007],
  ["an overlong encoding", { payload: [0x34, 0x32, 0xc0, 0xaf] }, 1007],
  ["a surrogate", { payload: [0x34, 0x32, 0xed, 0xa0, 0x80] }, 1007],
  ["a message over the limit, at its announcement", { payload: "4", length: 10_001 }, 1009],
  ["a message of 4 GB, at its announcement", { payload: "4", length: 0xffffffff }, 1009],
  ["a close code that may not be sent", { opcode: 8, payload: [0x03, 0xed] }, 1002],
  ["a close frame of one byte", { opcode: 8, payload: [3] }, 1002],
];
for (const [what, frame, code] of frames)
  test(`${what} ends the connection with ${code}`, async (t) => {
    const raw = await joined(t);
    raw.send(frame);
    assert.equal((await raw.closeFrame({ answered: false })).code, code);
    await raw.ends(4000);
  });

test("a text that begins between two others ends the connection", async (t) => {
  const raw = await joined(t);
  raw.send({ payload: "42[", fin: false });
  raw.send({ payload: "42[" });
  assert.equal((await raw.closeFrame()).code, 1002);
});

test("a fragmented message over the limit ends the connection", async (t) => {
  const raw = await joined(t);
  raw.send({ payload: `42["${"x".repeat(9000)}`, fin: false });
  raw.send({ opcode: 0, payload: "x".repeat(2000) });
  assert.equal((await raw.closeFrame()).code, 1009);
});

test("a message in many fragments, cut inside letters and with a ping between, is one message", async (t) => {
  const raw = await joined(t);
  const bytes = Buffer.from('420["authenticate","grüße 🚀"]');
  for (let i = 0; i < bytes.length; ++i) {
    raw.send({ opcode: i === 0 ? 1 : 0, payload: bytes.subarray(i, i + 1), fin: i === bytes.length - 1 });
    if (i === 20) raw.send({ opcode: 9, payload: "between" });
  }
  const seen = [];
  while (!seen.some(({ text }) => text === "430[false]")) seen.push(await raw.frame());
  assert.ok(seen.some(({ opcode, text }) => opcode === 10 && text === "between"));
});

test("a message that comes byte by byte is read as well", async (t) => {
  const raw = await joined(t);
  raw.socket.setNoDelay(true);
  const packet = '426["authenticate"]';
  const whole = Buffer.from([0x81, 0x80 | packet.length, 0, 0, 0, 0, ...Buffer.from(packet)]);
  for (const byte of whole) raw.write(Buffer.from([byte]));
  for (;;) if ((await raw.frame()).text === "436[false]") break;
});

test("a close frame is answered with its own code", async (t) => {
  const raw = await joined(t);
  raw.send({ opcode: 8, payload: [0x03, 0xe8] });
  assert.equal((await raw.closeFrame()).code, 1000);
  await raw.ends(4000);
});

const packets = [
  ["an unknown Engine.IO packet", "9"],
  ["an empty message", ""],
  ["a ping, which only the server sends", "2"],
  ["an upgrade without a probe", "5"],
  ["an unknown Socket.IO packet", "49"],
  ["an event that is no array", '42{"a":1}'],
  ["an event without a name", "42[]"],
  ["an event of bad JSON", '42["subscribe_logs",{]'],
  ["an event with words for an id", "42abc[1]"],
  ["an event whose name is reserved", '42["disconnect"]'],
  ["an event nested without end", `42["subscribe_logs",${"[".repeat(4000)}`],
  ["a second CONNECT", "40"],
  ["a CONNECT_ERROR", '44{"message":"no"}'],
  ["a binary event with too many attachments", '4511-["x"]'],
  ["an event for a namespace that was not joined", '42/elsewhere,["x"]'],
];
for (const [what, packet] of packets)
  test(`${what} ends the session`, async (t) => {
    const raw = await joined(t);
    raw.packet(packet);
    await raw.closeFrame();
    await raw.ends(4000);
  });

test("a client that does not answer the close frame is closed all the same", async (t) => {
  const raw = await joined(t);
  raw.packet("9");
  await raw.closeFrame({ answered: false });
  await raw.ends(8000);
});

test("a binary message that nobody announced ends the session", async (t) => {
  const raw = await joined(t);
  raw.send({ opcode: 2, payload: [1, 2, 3] });
  await raw.closeFrame();
});

test("an event before CONNECT ends the session", async (t) => {
  const raw = RawSocket.open(t, daemon);
  await raw.session();
  raw.packet('42["subscribe_status",{}]');
  await raw.closeFrame();
});

test("CONNECT's auth may be anything that is an object", async (t) => {
  for (const auth of ["", "{}", '{"token":5}', '{"token":null,"other":[1,{"a":2}]}', '{"token":""}']) {
    const raw = RawSocket.open(t, daemon);
    await raw.session();
    raw.packet(`40${auth}`);
    assert.match((await raw.frame()).text, /^40\{"sid":/, auth);
    raw.destroy();
  }
  const raw = RawSocket.open(t, daemon);
  await raw.session();
  raw.packet('40["token"]');
  await raw.closeFrame();
});

test("an unknown namespace is refused, and the session stays", async (t) => {
  const raw = RawSocket.open(t, daemon);
  await raw.session();
  raw.packet("40/random,");
  assert.equal((await raw.frame()).text, '44/random,{"message":"Invalid namespace"}');
  raw.packet("40/random");
  assert.equal((await raw.frame()).text, '44/random,{"message":"Invalid namespace"}');
  raw.packet("40");
  assert.match((await raw.frame()).text, /^40\{"sid":/);
});

test("a namespace that was left may be joined again", async (t) => {
  const raw = await joined(t);
  raw.packet("41");
  raw.packet("40");
  for (;;) if (/^40\{"sid":/.test((await raw.frame()).text)) break;
});

test("a client that never joins a namespace is closed in time", async (t) => {
  const raw = RawSocket.open(t, daemon);
  await raw.session();
  const begun = performance.now();
  for (;;) {
    const { opcode, text } = await raw.frame();
    if (opcode === 8) break;
    if (text === "2") raw.packet("3");
  }
  const took = performance.now() - begun;
  assert.ok(took > 600 && took < 1500, `${took} ms`);
});

test("the handshake tells exactly what the protocol asks for", async (t) => {
  const raw = RawSocket.open(t, daemon);
  const opened = await raw.session();
  assert.deepEqual(Object.keys(opened), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  const { sid, ...rest } = opened;
  assert.deepEqual(rest, { upgrades: [], pingInterval: 300, pingTimeout: 200, maxPayload: 10_000 });
  assert.match(sid, /^[A-Za-z0-9_-]{20,}$/);
});

test("a client that does not answer a heartbeat is closed on time", async (t) => {
  const raw = await joined(t);
  const begun = performance.now();
  assert.equal((await raw.frame()).text, "2");
  await raw.closeFrame();
  const took = performance.now() - begun;
  assert.ok(took > 400 && took < 900, `${took} ms`);
});

test("a client that answers stays, heartbeat after heartbeat", async (t) => {
  const raw = await joined(t);
  for (let i = 0; i < 5; ++i) {
    const { opcode, text } = await raw.frame();
    assert.deepEqual([opcode, text], [1, "2"]);
    raw.packet("3");
  }
});

const verdicts = [
  ["an unknown transport", "EIO=4&transport=carrier-pigeon", 0, "Transport unknown"],
  ["a transport out of a prototype", "EIO=4&transport=constructor", 0, "Transport unknown"],
  ["no transport at all", "EIO=4", 0, "Transport unknown"],
  ["an unknown session", `${handshake}&sid=nobody`, 1, "Session ID unknown"],
  ["another protocol version", "EIO=3&transport=websocket", 5, "Unsupported protocol version"],
];
for (const [what, query, code, message] of verdicts)
  test(`${what} is a 400 with the verdict: JSON, or words on an upgrade`, async (t) => {
    if (code !== 5) {
      const answer = await daemon.get(`/?${query}`);
      assert.deepEqual([answer.status, answer.json], [400, { code, message }]);
    }
    const raw = RawSocket.open(t, daemon);
    raw.upgrade({ query });
    const { status, head, body } = await raw.response();
    assert.deepEqual([status, body], [400, message]);
    assert.match(head, /connection: close/i);
    await raw.ends(4000);
  });

test("a handshake without an upgrade, or by POST, is refused with its verdict", async () => {
  const plain = await daemon.get(`/?${handshake}`);
  assert.deepEqual([plain.status, plain.json], [400, { code: 3, message: "Bad request" }]);
  const post = await daemon.post(`/?${handshake}`, "40");
  assert.deepEqual([post.status, post.json], [400, { code: 2, message: "Bad handshake method" }]);
});

const upgrades = [
  ["of another WebSocket version", { "Sec-WebSocket-Version": "8" }, 426],
  ["without a key", { "Sec-WebSocket-Key": null }, 400],
  ["with a key that is none", { "Sec-WebSocket-Key": "short" }, 400],
  ["without the word upgrade in Connection", { Connection: "keep-alive" }, 400],
];
for (const [what, headers, status] of upgrades)
  test(`an upgrade ${what} is refused`, async (t) => {
    const raw = RawSocket.open(t, daemon);
    raw.upgrade({ headers });
    assert.equal((await raw.response()).status, status);
    await raw.ends(4000);
  });

test("an upgrade elsewhere is not there", async (t) => {
  const raw = RawSocket.open(t, daemon);
  raw.upgrade({ path: "/elsewhere" });
  assert.equal((await raw.response()).status, 404);
});

const post = (...fields) => `POST /api/ssh/connect HTTP/1.1\r\nHost: localhost\r\n${fields.join("\r\n")}\r\n\r\n`;
const typed = "Content-Type: application/json";
const heads = [
  ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["two lengths", post("Content-Length: 1", "Content-Length: 2"), 400],
  ["a length and chunks", post("Content-Length: 1", "Transfer-Encoding: chunked"), 400],
  ["lines without CR", "GET / HTTP/1.1\nHost: localhost\n\n", 400],
  ["a folded header", "GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", 400],
  ["a space before a colon", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400],
  ["dots in its path", "GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
  ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505],
  ["chunks", `${post(typed, "Transfer-Encoding: chunked")}x\r\n\r\n`, 400],
  ["a head without end", `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${"x".repeat(5000)}`, 431],
];
for (const [what, head, status] of heads)
  test(`a request with ${what} is refused with ${status}`, async (t) => {
    const raw = RawSocket.open(t, daemon);
    raw.write(head);
    const answer = await raw.response();
    assert.equal(answer.status, status, answer.body);
    assert.equal(JSON.parse(answer.body).success, false);
    await raw.ends(4000);
  });

test("a head that does not come to an end in time is given up, however it trickles", async (t) => {
  const raw = RawSocket.open(t, daemon);
  const begun = performance.now();
  raw.write("GET / HTTP/1.1\r\n");
  const trickle = setInterval(() => raw.write("A: b\r\n"), 50);
  t.after(() => clearInterval(trickle));
  assert.equal((await raw.response()).status, 408);
  clearInterval(trickle);
  const took = performance.now() - begun;
  assert.ok(took > 400 && took < 1500, `${took} ms`);
  await raw.ends(4000);
});

test("a body that does not come in time is given up", async (t) => {
  const raw = RawSocket.open(t, daemon);
  raw.write(`${post(typed, "Content-Length: 9")}{`);
  assert.equal((await raw.response()).status, 408);
  await raw.ends(4000);
});

test("a connection that says nothing is closed", async (t) => {
  const raw = RawSocket.open(t, daemon);
  await raw.ends(4000);
});

test("two requests sent together are answered one after the other", async (t) => {
  const raw = RawSocket.open(t, daemon);
  const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const body = '{"host":';
  raw.write(get("/healthz") + post(typed, `Content-Length: ${body.length}`) + body + get("/nothing") + get("/healthz"));
  for (const status of [200, 400, 404, 200]) assert.equal((await raw.response()).status, status);
  raw.write(get("/healthz"));
  assert.equal((await raw.response()).status, 200);
});

test("Connection: close and HTTP/1.0 end the connection behind the answer", async (t) => {
  for (const rest of ["HTTP/1.1\r\nHost: localhost\r\nConnection: close", "HTTP/1.0"]) {
    const raw = RawSocket.open(t, daemon);
    raw.write(`GET /healthz ${rest}\r\n\r\n`);
    assert.equal((await raw.response()).status, 200);
    await raw.ends(4000);
  }
});

test("whoever ends its own side behind a request still gets the answer", async (t) => {
  const raw = RawSocket.open(t, daemon, { allowHalfOpen: true });
  raw.socket.end("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal((await raw.response()).status, 200);
  await raw.ends(4000);
});
