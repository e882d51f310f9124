// The doors beside Socket.IO: JSON at /ws, calls and streams by HTTP. A real node, npm's ws, fetch, Server-Sent Events.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { EventReader, NativeClient } from "./lib/native.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { hush, journal, ordinary, set, tidy } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

let daemon;
before(async () => {
  const set = {
    "engine.ping_interval": 500,
    "engine.ping_timeout": 2000,
    "limits.outbox_bytes": 262_144,
    "limits.stall_timeout": 4000,
    "ssh.linger": 600_000,
  };
  daemon = await Daemon.start({ set });
  await hush("validator");
});
after(async () => {
  try {
    await tidy("execution");
    await set("validator", ordinary);
  } finally {
    await daemon?.stop();
  }
});

const number = (line) => Number(line.match(/^numbered (\d+)/)?.[1] ?? NaN);
const consecutive = (numbers) => numbers.forEach((value, i) => assert.equal(value, numbers[0] + i));
const bearer = async () => ({ Authorization: `Bearer ${await daemon.session()}` });
async function flood(t, changes) {
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, ...changes });
}

test("/ws: a token in a message, then status and lines of two services told apart by topic", async (t) => {
  const client = await NativeClient.open(t, daemon);
  const [auth, topics] = await Promise.all([
    client.ask("auth", { token: await daemon.session() }),
    Promise.all([
      client.subscribe("subscribe_status", { interval: 1000 }),
      client.subscribe("subscribe_logs", { service: "validator" }),
      client.subscribe("subscribe_logs", { service: "execution.service" }),
    ]),
  ]);
  assert.deepEqual(auth.data, null);
  const [status, validator, execution] = topics;
  assert.equal(new Set(topics).size, 3);
  const { data } = await client.until((message) => message.topic === status && message.type === "status_update");
  assert.ok(data.some(({ service }) => service === "execution"));
  const expected = await journal("validator", 50);
  await until("50 lines", () => client.events(validator).length >= 50);
  assert.deepEqual(client.events(validator).map(({ data: { line } }) => line), expected);
  const others = (await journal("execution", 50)).length; // a machine that was just started has few
  await until("lines of execution", () => client.events(execution).length >= others);
  assert.ok(client.events(execution).every(({ data: { service } }) => service === "execution"));
  const lists = client.messages.filter(({ type }) => type === "log_lines");
  assert.ok(lists.length < 50, "many lines come as one message");
});

test("/ws: every line once and in order, also to one who comes back with a cursor", { timeout: 60_000 }, async (t) => {
  await flood(t, { RATE: 200 });
  const first = await NativeClient.authenticated(t, daemon);
  let topic = await first.subscribe("subscribe_logs", { service: "execution" });
  const lines = (client) => client.events(topic).map(({ data }) => data).filter(({ line }) => number(line) >= 0);
  await until("500 lines", () => lines(first).length > 500, { timeout: 30_000 });
  first.socket.terminate();
  const seen = lines(first);
  const second = await NativeClient.authenticated(t, daemon);
  const again = await second.subscribe("subscribe_logs", { service: "execution", cursor: seen.at(-1).cursor });
  assert.equal(again, topic, "the same topic for who asks for the same");
  await until("300 lines more", () => lines(second).length > 300, { timeout: 30_000 });
  consecutive([...seen, ...lines(second)].map(({ line }) => number(line)));
});

test("/ws: events beyond the credit are held, the oldest dropped and told", { timeout: 90_000 }, async (t) => {
  await flood(t, { RATE: 500, PAD: 1000 });
  const client = await NativeClient.authenticated(t, daemon);
  const topic = await client.subscribe("subscribe_logs", { service: "execution" }, { credit: 100 });
  const neighbour = await NativeClient.authenticated(t, daemon);
  const all = await neighbour.subscribe("subscribe_logs", { service: "execution" });
  await until("100 lines", () => client.events(topic).length >= 100);
  const held = client.events(topic).length;
  assert.ok(held < 100 + 256, "one message more than there was credit for at most");
  await until("a thousand lines for the neighbour", () => neighbour.events(all).length > 1500, { timeout: 60_000 });
  assert.equal(client.events(topic).length, held, "nothing without credit");
  await set("execution", { RATE: 0 });
  client.send({ type: "grant", params: { topic, credit: 1_000_000 } });
  const gap = await client.until(({ type }) => type === "log_gap");
  assert.equal(gap.topic, topic);
  assert.equal(gap.data.service, "execution");
  const last = Math.max(...(await journal("execution", 50)).map(number).filter((n) => n >= 0));
  // The flood may bring some more behind what the journal showed.
  const arrived = () => client.events(topic).some(({ data }) => number(data.line ?? "") >= last);
  await until("the newest line", arrived, { timeout: 20_000 });
  let next = null;
  for (const { type, data } of client.events(topic)) {
    if (type === "log_gap") {
      next += data.dropped;
      continue;
    }
    const current = number(data.line);
    if (next !== null) assert.equal(current, next, "each line is there or counted");
    if (current >= 0) next = current + 1;
  }
});

test("/ws: lines that are dropped on their way take no credit", { timeout: 150_000 }, async (t) => {
  // More than the kernel keeps for one who does not read, which may be 36 MB: else all of it is on its way, and nothing
  // is dropped.
  const credit = 8000;
  await flood(t, { RATE: 1000, PAD: 6000 });
  const client = await NativeClient.authenticated(t, daemon);
  const dropped = () => daemon.metric("pillard_dropped_events_total");
  const before = await dropped();
  const topic = await client.subscribe("subscribe_logs", { service: "execution" }, { credit });
  client.socket.pause();
  await until("lines dropped", async () => (await dropped()) > before + 500, { timeout: 60_000 });
  client.socket.resume();
  const lines = () => client.events(topic).filter(({ type }) => type !== "log_gap").length;
  await until("all that there is credit for", () => lines() >= credit, { timeout: 60_000 });
  assert.ok(lines() < credit + 256, "one message more at most");
  assert.ok(client.events(topic).some(({ type }) => type === "log_gap"));
});

test("/ws: a state without credit is the newest once there is some", async (t) => {
  const client = await NativeClient.authenticated(t, daemon);
  const topic = await client.subscribe("subscribe_status", { interval: 1000 }, { credit: 1 });
  await client.until((message) => message.topic === topic);
  const neighbour = await NativeClient.authenticated(t, daemon);
  const same = await neighbour.subscribe("subscribe_status", { interval: 1000 });
  await until("updates", () => neighbour.events(same).length > 3, { timeout: 20_000 });
  assert.equal(client.events(topic).length, 1);
  client.send({ type: "grant", params: { topic, credit: 1 } });
  await until("one more", () => client.events(topic).length === 2);
});

test("/ws: mistakes are answered by name and cost nothing", async (t) => {
  const client = await NativeClient.authenticated(t, daemon);
  client.send('{"type":"subscribe_status",}');
  const { error } = await client.until(({ type }) => type === "error");
  assert.match(error.message, /not valid JSON: .*\d/);
  assert.equal((await client.ask("no_such_thing")).error.code, "unsupported");
  assert.match((await client.ask("no_such_thing")).error.message, /no_such_thing/);
  assert.equal((await client.ask("subscribe_logs", { service: "../x" })).error.code, "bad_request");
  const none = await client.ask("subscribe_logs", { service: "no-such-client" });
  assert.ok(none.data.topic, "that it does not exist shows on the node");
  const ended = await client.until(({ type, topic }) => type === "error" && topic === none.data.topic);
  assert.equal(ended.error.code, "not_found");
  assert.equal(ended.error.ended, true);
  assert.equal(client.closed, null);
  client.socket.send(Buffer.from("{}"), { binary: true });
  await until("the end", () => client.closed);
  assert.equal(client.closed.code, 1003);
});

test("/ws: heartbeats reach a client, and its session's end closes it", async (t) => {
  const login = await daemon.login();
  const token = login.cookies.ssh_session.value;
  const client = await NativeClient.open(t, daemon, { headers: { Cookie: `ssh_session=${token}` } });
  let pings = 0;
  client.socket.on("ping", () => ++pings);
  await until("heartbeats", () => pings >= 3);
  await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${token}` } });
  await until("the end", () => client.closed);
  assert.deepEqual(client.closed, { code: 1000, reason: "session ended" });
  assert.equal(client.messages.at(-1).error.code, "unauthenticated");
});

test("/ws: a client that never answers a ping, and one that never reads, are closed", { timeout: 60_000 }, async (t) => {
  const mute = await NativeClient.authenticated(t, daemon, { autoPong: false });
  await flood(t, { RATE: 1000, PAD: 3000 });
  const deaf = await NativeClient.authenticated(t, daemon);
  await deaf.subscribe("subscribe_logs", { service: "execution" });
  deaf.socket.pause();
  await until("the end of the mute one", () => mute.closed, { timeout: 20_000 });
  assert.equal(mute.closed.code, 1008);
  const closed = () => daemon.log.match(/client closed .*(no answer to a heartbeat|takes nothing of what is sent)/g)?.length;
  await until("the end of the deaf one", () => closed() >= 2, { timeout: 20_000 });
});

test("a stream by HTTP: the last 50 lines, what is new, heartbeats, and an end that leaves nothing", async (t) => {
  const expected = await journal("validator", 50);
  const reader = EventReader.open(t, daemon, "subscribe_logs?service=validator", { token: await daemon.session() });
  assert.equal(await reader.status(), 200);
  assert.equal(reader.response.headers["content-type"], "text/event-stream");
  await until("50 lines", () => reader.lines().length >= 50);
  await set("validator", { RAW: Buffer.from("to be read by curl").toString("hex") });
  const { id, data } = await reader.until(({ data: { line } }) => line === "to be read by curl");
  assert.equal(id, data.cursor);
  assert.deepEqual(reader.lines(), [...expected, "to be read by curl"]);
  await until("heartbeats", () => reader.comments >= 2);
  reader.leave();
  await until("its subscription to end", async () => (await daemon.metric("pillard_subscriptions")) === 0);
});

test("a stream by HTTP resumes behind Last-Event-ID, nothing lost and nothing twice", { timeout: 90_000 }, async (t) => {
  await flood(t, { RATE: 200 });
  const token = await daemon.session();
  const seen = [];
  let last = null;
  for (let round = 0; round < 4; ++round) {
    const headers = last && round % 2 ? { "Last-Event-ID": last } : {};
    const query = last && round % 2 === 0 ? `&lastEventId=${encodeURIComponent(last)}` : "";
    const reader = EventReader.open(t, daemon, `subscribe_logs?service=execution&cursor=${query}`, { token, headers });
    await until("lines", () => reader.lines().length > 200, { timeout: 20_000 });
    reader.leave();
    const events = reader.events.filter(({ event, data }) => event === "log_data" && number(data.line) >= 0);
    seen.push(...events.map(({ data }) => number(data.line)));
    last = events.at(-1).id;
  }
  consecutive(seen);
});

test("a stream by HTTP that is over says so, and a browser is told not to come back", async (t) => {
  const token = await daemon.session();
  const reader = EventReader.open(t, daemon, "subscribe_logs?service=no-such-client", { token });
  const error = await reader.until(({ event }) => event === "error");
  assert.equal(error.data.code, "not_found");
  assert.equal(error.data.ended, true);
  await until("the end", () => reader.ended);
  const again = await daemon.get("/api/stream/subscribe_logs?service=no-such-client", { headers: { "Last-Event-ID": error.id } });
  assert.equal(again.status, 204);
});

test("params of a query have the types of their fields, and refusals are problems", async () => {
  const headers = await bearer();
  const problem = async (path, options) => {
    const answer = await fetch(`${daemon.url}${path}`, options);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    const body = await answer.json();
    assert.equal(body.status, answer.status);
    return body;
  };
  assert.match((await problem("/api/stream/subscribe_status?interval=soon", { headers })).detail, /interval: expected an integer/);
  assert.match((await problem("/api/stream/subscribe_logs", { headers })).detail, /service: expected a value/);
  assert.equal((await problem("/api/stream/subscribe_logs?service=x")).code, "unauthenticated");
  assert.equal((await problem("/api/stream/nothing", { headers })).code, "not_found");
  assert.match((await problem("/api/call/subscribe_logs", { method: "POST", headers })).detail, /GET \/api\/stream\/subscribe_logs/);
  assert.equal((await problem("/api/stream/subscribe_logs", { method: "POST", headers })).status, 405);
  assert.equal((await problem("/api/stream/subscribe_status", { headers: { ...headers, Origin: "https://evil.example" } })).status, 403);
});

test("a reader of a stream that never reads costs no more than its outbox and a batch, and is closed", { timeout: 60_000 }, async (t) => {
  await flood(t, { RATE: 1000, PAD: 3000 });
  const raw = RawSocket.open(t, daemon);
  const token = await daemon.session();
  raw.write(`GET /api/stream/subscribe_logs?service=execution HTTP/1.1\r\nHost: ${raw.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await until("the first events", () => raw.text().includes("event: log_data"));
  raw.socket.pause();
  const neighbour = await Client.authenticated(t, daemon);
  neighbour.emit("subscribe_status", { interval: 1000 });
  await daemon.said(/client closed .*takes nothing of what is sent/);
  const most = await daemon.metric("pillard_outbox_high_water_bytes");
  // What it was given is counted before what is too much of it is dropped; a busy machine makes large batches, 1 MiB at most.
  assert.ok(most < 262_144 + 1_048_576, `${most} bytes waited`);
  await neighbour.until("status_update");
});

test("openapi.json describes what is loaded, and refers to nothing that it lacks", async () => {
  const document = await (await fetch(`${daemon.url}/api/openapi.json`)).json();
  assert.equal(document.openapi, "3.1.0");
  const { parameters } = document.paths["/api/stream/subscribe_status"].get;
  assert.deepEqual(
    parameters.map(({ name, schema: { type, minimum, default: value } }) => ({ name, type, minimum, value })),
    [{ name: "interval", type: "integer", minimum: undefined, value: 5000 }],
  );
  assert.ok(document.components.schemas.log_data.properties.cursor);
  let references = 0;
  const look = (value, path) => {
    if (typeof value !== "object" || value === null) return;
    if (typeof value.$ref === "string") {
      ++references;
      const found = value.$ref.slice(2).split("/").reduce((at, key) => at?.[key], document);
      assert.ok(value.$ref.startsWith("#/") && found, `${path.join("/")} refers to ${value.$ref}`);
    }
    for (const [key, part] of Object.entries(value)) look(part, [...path, key]);
  };
  look(document, []);
  assert.ok(references > 10);
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(operations)) {
      const asked = await fetch(`${daemon.url}${path}`, { method: "PUT" });
      assert.ok([404, 405].includes(asked.status), `${path}: ${asked.status}`);
      assert.ok(operation.operationId && operation.responses, path);
    }
});

test("what one asks for is shared by all doors", async (t) => {
  const token = await daemon.session();
  await daemon.idle();
  const native = await NativeClient.authenticated(t, daemon);
  const topic = await native.subscribe("subscribe_logs", { service: "consensus" });
  const reader = EventReader.open(t, daemon, "subscribe_logs?service=consensus", { token });
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_logs", { service: "consensus" });
  await client.until("log_data");
  await reader.until(({ event }) => event === "log_data");
  await until("lines", () => native.events(topic).length > 0);
  assert.equal(await daemon.metric("pillard_topics"), 1);
  assert.equal(await daemon.metric("pillard_subscriptions"), 3);
});

const rogues = process.env.PILLARD_ROGUES;
test("a call by HTTP and at /ws", { skip: !rogues }, async (t) => {
  const calls = await Daemon.start({ set: { "plugins.directory": rogues, "plugins.enabled": "good" } });
  t.after(() => calls.stop());
  const headers = { Authorization: `Bearer ${await calls.session()}`, "Content-Type": "application/json" };
  const ask = (body, more = {}) => fetch(`${calls.url}/api/call/ask_echo`, { method: "POST", headers: { ...headers, ...more }, body });
  const answer = await ask('{"word":"hello"}');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(await answer.json(), "hello");
  assert.equal(await (await ask(undefined)).json(), "hello", "the default");
  const refused = await (await ask('{"word":5}')).json();
  assert.deepEqual([refused.status, refused.code], [400, "bad_request"]);
  assert.match((await (await ask('{"word":')).json()).detail, /not valid JSON: .*\d/);
  const native = await NativeClient.authenticated(t, calls);
  assert.equal((await native.ask("ask_echo", { word: "there" })).data, "there");
});
