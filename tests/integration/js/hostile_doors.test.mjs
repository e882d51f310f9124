// Abuse of what is costly to serve: compressed messages, streams that nobody reads, JSON at /ws. Each has its answer or its
// close, memory stays bounded, and when all is over the daemon's gauges are where they were.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { after, afterEach, before, describe, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";

import { Daemon } from "./lib/daemon.mjs";
import { Gauges } from "./lib/gauges.mjs";
import { NativeClient } from "./lib/native.mjs";
import { footprint } from "./lib/process.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { ordinary, set, tidy } from "./lib/target.mjs";
import { always, until } from "./lib/wait.mjs";

const maxPayload = 100_000;
const connectTimeout = 2000;
const outbox = 65_536;
const mib = 1 << 20;
let daemon;
let token;
let gauges;
let resident;

before(async () => {
  daemon = await Daemon.start({
    // Sanitizers keep what was freed for a while, which is not what is measured here.
    environment: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ""}:quarantine_size_mb=8` },
    set: {
      "server.reactors": 2,
      "websocket.deflate": "yes",
      "limits.outbox_bytes": outbox,
      "limits.stall_timeout": 1500,
      "engine.ping_interval": 1000,
      "engine.ping_timeout": 3000,
      "engine.connect_timeout": connectTimeout,
      "engine.max_payload": maxPayload,
      "ssh.linger": 500,
      "log.level": "info",
    },
  });
  token = await daemon.session();
  await daemon.idle();
  gauges = await Gauges.of(daemon);
  resident = (await footprint(daemon)).resident;
});
after(async () => {
  try {
    await tidy("execution");
  } finally {
    await daemon?.stop();
  }
});
// No leak hides behind the next test.
afterEach(async () => {
  for (const raw of opened.splice(0)) raw.destroy();
  await gauges.back({ timeout: 30_000 });
});

const opened = [];
function open(t) {
  const raw = RawSocket.open(t, daemon);
  opened.push(raw);
  return raw;
}
/// Far below what the abuse would cost if it were let.
async function bounded(what) {
  const grown = (await footprint(daemon)).resident - resident;
  assert.ok(grown < 128 * mib, `${what}: ${(grown / mib).toFixed(0)} MiB more than at rest`);
}
const enough = (count, fits) => until(`${count} of them`, () => fits() >= count, { timeout: 30_000, every: 5 });

describe("compressed messages", () => {
  const tail = 4; // 00 00 ff ff
  const deflated = (text) => deflateRawSync(text, { level: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -tail);
  const compressed = 4; // RSV1
  /// Has agreed to compression, and its handshake behind it.
  async function agreed(t, path = "/") {
    const raw = open(t);
    raw.upgrade({ path, headers: { "Sec-WebSocket-Extensions": "permessage-deflate", Authorization: `Bearer ${token}` } });
    const { status, head } = await raw.response();
    assert.equal(status, 101);
    assert.match(head, /^sec-websocket-extensions: permessage-deflate/im);
    await raw.frame();
    return raw;
  }
  const bomb = deflated(Buffer.alloc(64 * mib, "x"));

  test("one that inflates a thousandfold is closed with 1009, in whatever pieces it comes", async (t) => {
    assert.ok(bomb.length < maxPayload, "nothing is seen by its length");
    const bombs = Array.from({ length: 20 }, (_, i) => ({ path: i % 2 ? "/ws" : "/", piece: [maxPayload, 1000, 100][i % 3] }));
    await Promise.all(bombs.map(async ({ path, piece }) => {
      const raw = await agreed(t, path);
      for (let at = 0; at < bomb.length; at += piece)
        raw.send({
          opcode: at === 0 ? 1 : 0,
          rsv: at === 0 ? compressed : 0,
          fin: at + piece >= bomb.length,
          payload: bomb.subarray(at, at + piece),
        });
      const { code, text } = await raw.closeFrame();
      assert.deepEqual([code, text], [1009, "the message is too big"]);
      await raw.ends(5000);
    }));
    await bounded("20 bombs of 64 MiB");
  });
  test("one that never ends is closed at the limit", async (t) => {
    const raw = await agreed(t);
    const piece = deflateRawSync(Buffer.alloc(10_000, "x"), { finishFlush: constants.Z_SYNC_FLUSH });
    raw.send({ fin: false, rsv: compressed, payload: piece });
    for (let i = 1; i <= maxPayload / 10_000; ++i) raw.send({ opcode: 0, fin: false, payload: piece });
    assert.equal((await raw.closeFrame()).code, 1009);
  });
  test("a stream of them, each just small enough, counts by what it inflates to", { timeout: 60_000 }, async (t) => {
    const raw = await agreed(t, "/ws");
    const message = deflated(`{"type":"x","params":"${"y".repeat(maxPayload - 100)}"}`);
    assert.ok(message.length < 250);
    const begun = performance.now();
    const flood = setInterval(() => raw.socket.writableLength < 10_000 && raw.send({ rsv: compressed, payload: message }), 2);
    t.after(() => clearInterval(flood));
    const { code, text } = await raw.closeFrame({ timeout: 30_000 });
    clearInterval(flood);
    assert.deepEqual([code, text], [1008, "too many messages"]);
    assert.ok(performance.now() - begun > 9000, "it is slowed down first");
    await bounded("a stream of messages of 100 kB");
  });
  test("messages that refer to those before them are no way around the limit", async (t) => {
    const raw = await agreed(t, "/ws");
    raw.send({ rsv: compressed, payload: deflated(`{"type":"x","id":1,"params":"${"y".repeat(30_000)}"}`) });
    assert.match((await raw.frame()).text, /"unsupported"/);
    raw.send({ rsv: compressed, payload: bomb });
    assert.equal((await raw.closeFrame()).code, 1009);
  });

  const sound = deflated(`{"type":"x","params":"${randomBytes(900).toString("hex")}"}`);
  const broken = {
    "a block of a reserved type": [Buffer.from([0x07]), 1007],
    "a stored block whose length is not its complement": [Buffer.from([0x00, 0x05, 0x00, 0x00, 0x00, 0x41]), 1007],
    "a distance behind the beginning": [Buffer.from([0x4a, 0x04, 0x62, 0x00, 0xff]), 1007],
    "codes that are no tree": [Buffer.from([0xfc, 0xff, 0xff, 0xff, 0xff, 0xff]), 1007],
    "half a message": [sound.subarray(0, sound.length / 2), 1007],
    "what inflates to no UTF-8": [deflated(Buffer.from([0xc3, 0x28])), 1007],
  };
  test("what cannot be inflated is closed with its code", async (t) => {
    for (const [what, [payload, wanted]] of Object.entries(broken)) {
      const raw = await agreed(t);
      raw.send({ rsv: compressed, payload });
      const { code } = await raw.closeFrame().catch((error) => assert.fail(`${what}: ${error.message}`));
      assert.equal(code, wanted, what);
      await raw.ends(5000);
    }
  });
  test("chance bytes are closed or answered, never more", { timeout: 60_000 }, async (t) => {
    for (let i = 0; i < 40; ++i) {
      const raw = await agreed(t, "/ws");
      raw.send({ rsv: compressed, payload: randomBytes(1 + i * 13) });
      let frame;
      do frame = await raw.frame();
      while (frame.opcode === 9);
      if (frame.opcode === 8) assert.ok([1007, 1009].includes(frame.code), `${frame.code} ${frame.text}`);
      else assert.equal(JSON.parse(frame.text).error.code, "bad_request");
      raw.destroy();
    }
  });
  test("the bit of a compressed message where there is none is closed with 1002", async (t) => {
    const wrong = [{ opcode: 9, rsv: compressed }, { opcode: 1, rsv: 2 }, { opcode: 1, rsv: 1 }, { opcode: 1, rsv: 7 }];
    for (const frame of wrong) {
      const raw = await agreed(t);
      raw.send(frame);
      assert.equal((await raw.closeFrame()).code, 1002, JSON.stringify(frame));
    }
    const later = await agreed(t);
    later.send({ rsv: compressed, fin: false, payload: sound });
    later.send({ opcode: 0, rsv: compressed, payload: "" });
    assert.equal((await later.closeFrame()).code, 1002);
    const plain = open(t);
    await plain.session();
    plain.send({ rsv: compressed, payload: deflated("40") });
    assert.equal((await plain.closeFrame()).code, 1002);
  });
  test("those who hold a message open cost no more than the message", async (t) => {
    const half = deflated(Buffer.alloc(maxPayload / 2, "x"));
    const all = await Promise.all(Array.from({ length: 100 }, () => agreed(t, "/ws")));
    for (const raw of all) {
      raw.send({ fin: false, rsv: compressed, payload: half });
      raw.send({ opcode: 9, payload: "read?" });
    }
    for (const raw of all) assert.equal((await raw.frame()).text, "read?");
    await bounded("100 messages that are held open");
    assert.equal((await daemon.get("/healthz")).status, 200);
  });
});

describe("readers of streams that never read", () => {
  const readers = 6;
  test("they cost no more than their outboxes and are closed, and the others go on", { timeout: 90_000 }, async (t) => {
    await set("execution", { ...ordinary, NUMBERED: 1, RATE: 1000, PAD: 3000 });
    t.after(() => set("execution", ordinary));
    const path = "/api/stream/subscribe_logs?service=execution";
    for (let i = 0; i < readers; ++i) {
      const raw = open(t);
      raw.write(`GET ${path} HTTP/1.1\r\nHost: ${raw.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      await until("the head", () => raw.text().startsWith("HTTP/1.1 200 "));
      raw.socket.pause();
    }
    assert.equal(await daemon.metric("pillard_subscriptions"), readers);
    const neighbour = await NativeClient.authenticated(t, daemon);
    const topic = await neighbour.subscribe("subscribe_status", { interval: 1000 });
    const said = () => daemon.log.match(/client closed .*takes nothing of what is sent/g)?.length ?? 0;
    await enough(readers, said);
    const most = await daemon.metric("pillard_outbox_high_water_bytes");
    assert.ok(most < 4 * outbox, `${most} bytes waited`);
    await bounded("streams that nobody reads");
    const known = neighbour.events(topic).length;
    await enough(known + 1, () => neighbour.events(topic).length);
    const rest = gauges.base.connections + 1; // the neighbour's
    await until("their connections to be closed", async () => (await daemon.metric("pillard_connections_open")) <= rest);
    neighbour.socket.terminate();
  });
  test("those who reset while they are written to leave nothing", async (t) => {
    await set("execution", { ...ordinary, NUMBERED: 1, RATE: 500 });
    t.after(() => set("execution", ordinary));
    for (let i = 0; i < 30; ++i) {
      const raw = open(t);
      raw.write(`GET /api/stream/subscribe_logs?service=execution HTTP/1.1\r\nHost: ${raw.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      if (i % 3) await until("the head", () => raw.text().startsWith("HTTP/1.1 200 "));
      raw.socket.resetAndDestroy();
    }
  });
});

describe("JSON at /ws", () => {
  const client = (t) => NativeClient.authenticated(t, daemon);
  const stays = async (one) => assert.equal((await one.ask("no_such_type")).error.code, "unsupported");
  const leave = async (one) => {
    one.socket.close(1000);
    await until("the close", () => one.closed);
  };

  test("whatever is no message is answered with an error that says why, and costs nothing", async (t) => {
    const one = await client(t);
    const deep = 5000;
    const texts = [
      "", " ", "{", "}", "null", "5", '"x"', "[]", "[{}]", "{}", '{"type":5}', '{"type":null}', '{"type":""}', '{"type":"x"', "\u0000",
      '{"type":"x"}{"type":"x"}', '{"type":"x",}', "{'type':'x'}", '{"type":"\\ud800"}', "NaN", "4", "40", '42["x"]',
      '{"id":1}', '{"type":"auth","id":{}}', '{"type":"auth","id":1.5}', `{"type":"auth","id":"${"i".repeat(65)}"}`,
      '{"type":"auth"}', '{"type":"auth","params":5}', '{"type":"auth","params":{"token":5}}', '{"type":"grant"}',
      "[".repeat(deep), '{"a":'.repeat(deep), `{"type":"x","params":${"[".repeat(deep)}${"]".repeat(deep)}}`,
      `{"type":"${"t".repeat(50_000)}"}`, `{"type":"__proto__","id":1}`, `{"type":"constructor"}`, `{"type":"subscribe_logs","params":[]}`,
    ];
    let known = one.messages.length;
    for (const text of texts) {
      one.send(text);
      await until(`an answer to ${text.slice(0, 40)}`, () => one.closed || one.messages.length > known);
      assert.equal(one.closed, null, text.slice(0, 40));
      const { error } = one.messages[known];
      assert.ok(["bad_request", "unsupported"].includes(error?.code), `${text.slice(0, 40)}: ${JSON.stringify(one.messages[known]).slice(0, 300)}`);
      assert.ok(error.message.length > 10);
      assert.equal(one.messages.length, ++known, "one answer each");
    }
    await stays(one);
    await leave(one);
  });
  test("a message over the limit is closed with 1009, a binary one with 1003, no UTF-8 with 1007", async (t) => {
    for (const [what, frame, code] of [
      ["large", { payload: "x".repeat(maxPayload + 1) }, 1009],
      ["announced", { length: 0xffffffff }, 1009],
      ["binary", { opcode: 2, payload: '{"type":"x"}' }, 1003],
      ["an empty binary", { opcode: 2 }, 1003],
      ["no UTF-8", { payload: Buffer.from([0xff]) }, 1007],
      ["not masked", { payload: "{}", masked: false }, 1002],
    ]) {
      const raw = open(t);
      raw.upgrade({ path: "/ws" });
      assert.equal((await raw.response()).status, 101);
      raw.send(frame);
      assert.equal((await raw.closeFrame()).code, code, what);
      await raw.ends(5000);
    }
  });
  test("credit that is no sensible number is refused, and as much as there may be adds up to no overflow", async (t) => {
    const one = await client(t);
    const bad = ["-1", "1000000001", "1.5", "1e9", "1e400", '"5"', "{}", "[1]", "true", "99999999999999999999999", "-9223372036854775808", "9223372036854775807"];
    for (const credit of bad) {
      const known = one.messages.length;
      one.send(`{"type":"subscribe_logs","id":"c${credit.length}","params":{"service":"execution"},"credit":${credit}}`);
      await enough(known + 1, () => one.messages.length);
      const { error } = one.messages[known];
      assert.equal(error?.code, "bad_request", credit);
      assert.match(error.message, /credit: expected an integer from 0 to 1000000000/, credit);
    }
    assert.match((await one.ask("no_such_type", {}, { credit: 1 })).error.message, /only a subscription has credit/);
    const topic = await one.subscribe("subscribe_logs", { service: "execution" }, { credit: 0 });
    for (const credit of [...bad, "0"]) {
      const id = `g${credit}`;
      one.send(`{"type":"grant","id":${JSON.stringify(id.slice(0, 60))},"params":{"topic":"${topic}","credit":${credit}}}`);
      const { error } = await one.until((message) => message.id === id.slice(0, 60));
      assert.equal(error?.code, "bad_request", `grant ${credit}`);
    }
    assert.equal((await one.ask("grant", { topic: "nothing#0", credit: 1 })).error.code, "not_found");
    await always("nothing without credit", () => one.events(topic).length === 0, 500);
    // 20 times 2^30 would not fit in 32 bits; many more are refused by nothing, and stay within 64.
    for (let i = 0; i < 20; ++i) assert.equal((await one.ask("grant", { topic, credit: 1_000_000_000 })).data, null);
    await enough(50, () => one.events(topic).length);
    const free = await one.subscribe("subscribe_status", { interval: 1000 });
    assert.match((await one.ask("grant", { topic: free, credit: 5 })).error.message, /without credit/);
    await leave(one);
  });
  test("300 subscriptions are each answered, those above the limit with overloaded, and all of them end", { timeout: 90_000 }, async (t) => {
    const one = await client(t);
    for (let i = 0; i < 300; ++i)
      one.send({ type: "subscribe_logs", id: i, params: { service: `nobody-${i}` }, credit: i % 3 ? undefined : 1 });
    const answers = () => one.messages.filter(({ id }) => Number.isInteger(id));
    await enough(300, () => answers().length);
    assert.equal(new Set(answers().map(({ id }) => id)).size, 300, "one answer each");
    const refused = answers().filter(({ error }) => error);
    assert.ok(refused.length > 0, "none was refused");
    for (const { error } of refused) assert.equal(error.code, "overloaded", error.message);
    const topics = answers().filter(({ data }) => data).map(({ data }) => data.topic);
    assert.equal(new Set(topics).size, topics.length);
    await bounded("300 subscriptions");
    await stays(one);
    await leave(one);
  });
  test("a flood is slowed down and then closed", { timeout: 60_000 }, async (t) => {
    const raw = open(t);
    raw.upgrade({ path: "/ws", headers: { Authorization: `Bearer ${token}` } });
    assert.equal((await raw.response()).status, 101);
    const begun = performance.now();
    const flood = setInterval(() => {
      for (let i = 0; i < 20 && raw.socket.writableLength < 10_000; ++i) raw.packet('{"type":"grant","params":{"topic":"x","credit":1}}');
    }, 10);
    t.after(() => clearInterval(flood));
    const { code, text } = await raw.closeFrame({ timeout: 40_000 });
    clearInterval(flood);
    assert.deepEqual([code, text], [1008, "too many messages"]);
    assert.ok(performance.now() - begun > 9000, "it is slowed down first");
    await bounded("a flood");
  });
  test("a second token: the same is taken again, another one refused, and the session stays", async (t) => {
    const one = await NativeClient.open(t, daemon);
    assert.equal((await one.ask("auth", { token: "nobody's" })).error.code, "unauthenticated");
    assert.equal((await one.ask("auth", { token })).data, null);
    assert.equal((await one.ask("auth", { token })).data, null);
    assert.equal(one.messages.filter(({ type }) => type === "authenticated").length, 2);
    const other = await one.ask("auth", { token: "nobody's" });
    assert.deepEqual([other.error.code, other.error.message], ["unauthenticated", "Authentication token mismatch."]);
    assert.equal(await daemon.metric("pillard_clients_authenticated"), 1);
    await stays(one);
    await leave(one);
  });
  test("what waits for a token is bounded", async (t) => {
    const raw = open(t);
    raw.upgrade({ path: "/ws", headers: { Authorization: `Bearer ${token}` } });
    assert.equal((await raw.response()).status, 101);
    const asked = 200;
    const frames = [`{"type":"auth","params":{"token":"${token}"}}`];
    for (let i = 0; i < asked; ++i) frames.push(`{"type":"subscribe_status","id":${i},"params":{"interval":1000}}`);
    for (const frame of frames) raw.packet(frame);
    const answered = new Set();
    while (answered.size < asked) {
      const { opcode, text } = await raw.frame();
      assert.notEqual(opcode, 8, text);
      const { id, error } = opcode === 1 ? JSON.parse(text) : {};
      if (id === undefined) continue;
      if (error) assert.equal(error.code, "overloaded");
      answered.add(id);
    }
  });
  test("who never authenticates gets nothing and is closed in time, whatever it says meanwhile", async (t) => {
    const silent = await NativeClient.open(t, daemon);
    const talks = await NativeClient.open(t, daemon);
    const begun = performance.now();
    for (const type of ["subscribe_status", "subscribe_logs"])
      assert.equal((await talks.ask(type, { service: "execution" })).error.code, "unauthenticated");
    assert.equal(await daemon.metric("pillard_subscriptions"), 0);
    while (!talks.closed && performance.now() - begun < 4 * connectTimeout)
      await Promise.race([talks.ask("auth", { token: "guess" }), until("the close", () => talks.closed)]);
    await until("the other's close", () => silent.closed);
    for (const one of [silent, talks]) assert.deepEqual(one.closed, { code: 1008, reason: "no authentication in time" });
    assert.ok(performance.now() - begun < connectTimeout + 3000);
  });
  test("an upgrade that is none is refused by its status", async (t) => {
    for (const [headers, status] of [
      [{ Upgrade: null, Connection: null }, 426],
      [{ "Sec-WebSocket-Version": "12" }, 426],
      [{ "Sec-WebSocket-Key": "short" }, 400],
      [{ Origin: "http://evil.example" }, 403],
      [{ "Sec-WebSocket-Extensions": "permessage-deflate; =" }, 400],
    ]) {
      const raw = open(t);
      raw.upgrade({ path: "/ws", headers });
      assert.equal((await raw.response()).status, status, JSON.stringify(headers));
    }
  });
});
