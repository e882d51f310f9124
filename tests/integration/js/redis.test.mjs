// Sessions in Redis: shared with the old server and with other daemons, revoked by anybody, and Redis going away.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { Redis, key, oldRecord } from "./lib/redis.mjs";
import { leavesNothing, node, ordinary, set } from "./lib/target.mjs";
import { always, until } from "./lib/wait.mjs";

let redis;
let daemon;
let other;

const start = () =>
  Daemon.start({ environment: { REDIS_URL: redis.url }, set: { "ssh.linger": 500 } }).then(async (started) => {
    await until("Redis", async () => (await ready(started)).status === 200);
    return started;
  });
const ready = ({ port }) => request(port, "GET", "/readyz");

before(async () => {
  redis = await Redis.start();
  [daemon, other] = await Promise.all([start(), start()]);
});
after(async () => {
  for (const one of [daemon, other]) {
    await one?.stop();
    assert.ok(!one?.log.includes("sesame"), "the password of Redis is in the log");
  }
  await redis?.stop();
});

/// A session that the old server made.
async function foreign(ttl = 10200) {
  const token = randomUUID();
  assert.equal(await redis.ask("SETEX", key(token), ttl, oldRecord(node)), "OK");
  return token;
}
async function watching(t, at, token) {
  const client = Client.of(t, at, { token, reconnection: false });
  await client.until("authenticated");
  client.emit("subscribe_status", { interval: 1000 });
  await client.until("status_update");
  return client;
}
async function endsSoon(client, since) {
  assert.match((await client.until("error")).message, /Invalid or expired session/);
  assert.equal(await client.until("disconnect"), "io server disconnect");
  const took = client.times("disconnect")[0] - since;
  assert.ok(took < 1000, `it took ${took} ms`);
}
const backAgain = async () => {
  for (const one of [daemon, other])
    await until("the daemons to see Redis", async () => (await ready(one)).status === 200, { timeout: 20_000 });
};

test("a session that the old server wrote logs a socket in", async (t) => {
  const token = await foreign(500);
  const client = await watching(t, daemon, token);
  assert.ok((await client.until("status_update")).some(({ service }) => service === "execution"));
  await until("the sliding expiry", async () => (await redis.ask("TTL", key(token))) > 10_190);
  assert.ok(Date.now() - JSON.parse(await redis.ask("GET", key(token))).lastAccessed < 60_000);
});

test("a login leaves a record that the old server reads", async () => {
  const answer = await daemon.login();
  assert.equal(answer.status, 200, answer.text);
  const token = answer.cookies.ssh_session.value;
  const record = JSON.parse(await redis.ask("GET", key(token)));
  assert.deepEqual(Object.keys(record), ["host", "username", "password", "port", "lastAccessed"]);
  assert.equal(record.host, node.host);
  assert.equal(record.username, node.user);
  assert.equal(record.password, node.password);
  assert.strictEqual(record.port, node.port);
  assert.ok(Math.abs(Date.now() - record.lastAccessed) < 30_000);
  const ttl = await redis.ask("TTL", key(token));
  assert.ok(ttl > 10_150 && ttl <= 10_200, `TTL ${ttl}`);
});

test("a login at one daemon is a session at the other", async (t) => {
  await watching(t, other, await daemon.session());
});

test("a record that was deleted takes its sockets on every daemon within a second", async (t) => {
  const token = await foreign();
  const clients = [await watching(t, daemon, token), await watching(t, daemon, token), await watching(t, other, token)];
  const bystander = await watching(t, daemon, await foreign());
  const since = performance.now();
  assert.equal(await redis.ask("DEL", key(token)), 1);
  for (const client of clients) await endsSoon(client, since);
  assert.equal(bystander.socket.connected, true);
  const late = Client.of(t, daemon, { token, reconnection: false });
  assert.equal(await late.until("connect_error"), "Authentication error: Invalid or expired session.");
});

test("a record that expires takes its sockets within a second", async (t) => {
  const token = await foreign();
  const client = await watching(t, daemon, token);
  await redis.ask("PEXPIRE", key(token), 300);
  await endsSoon(client, performance.now() + 300);
});

test("a logout at one daemon ends the sockets at the other", async (t) => {
  const token = await foreign();
  const near = await watching(t, daemon, token);
  const far = await watching(t, other, token);
  const since = performance.now();
  const answer = await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${token}` } });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { success: true });
  await endsSoon(near, since);
  await endsSoon(far, since);
  assert.equal(await redis.ask("EXISTS", key(token)), 0);
});

test("while Redis is frozen streams flow on and new logins are asked to try again; then it heals", async (t) => {
  t.after(() => set("execution", ordinary));
  t.after(() => redis.thaw());
  await set("execution", { NUMBERED: 1, RATE: 10 });
  const token = await daemon.session();
  const client = await watching(t, daemon, token);
  client.emit("subscribe_logs", { service: "execution" });
  await client.until("log_data");
  const unknown = await foreign();

  redis.freeze();
  await until("the daemon to notice", async () => (await ready(daemon)).status === 503, { timeout: 5000 });
  const report = (await ready(daemon)).json;
  assert.equal(report.checks.redis.ok, false);
  assert.equal((await daemon.get("/healthz")).status, 200, "a restart would not mend it");

  const before = client.lines("execution").length;
  await until("lines", () => client.lines("execution").length > before + 20);
  const refused = await daemon.login();
  assert.equal(refused.status, 500);
  assert.equal(refused.json.code, "disconnected");
  assert.match(refused.json.message, /Try again in a moment/);
  assert.doesNotMatch(refused.json.message, /auth/i);
  assert.deepEqual(refused.cookies, {});
  const stranger = Client.of(t, daemon, { token: unknown, reconnection: false });
  assert.equal(await stranger.until("connect_error"), "Authentication error: Server error during validation.");
  const again = Client.of(t, daemon, { token, reconnection: false });
  await again.until("authenticated");
  assert.equal(client.socket.connected, true);

  redis.thaw();
  await backAgain();
  assert.equal((await daemon.login()).status, 200);
  await watching(t, daemon, unknown);
  assert.equal(client.all("error").length, 0);
  const numbers = client.lines("execution").filter((line) => line.startsWith("numbered ")).map((line) => Number(line.slice(9)));
  numbers.forEach((number, i) => assert.equal(number, numbers[0] + i, "no line lost"));
});

test("a Redis that is killed and comes back with its data ends nobody's session", async (t) => {
  const token = await foreign();
  const client = await watching(t, daemon, token);
  await redis.ask("SAVE");
  await redis.kill();
  await until("the daemon to notice", async () => (await ready(daemon)).status === 503, { timeout: 5000 });
  assert.equal(await daemon.metric("pillard_redis_up"), 0);
  await redis.launch();
  await backAgain();
  assert.ok((await daemon.metric("pillard_redis_reconnects_total")) >= 1);
  await always("the session", () => client.socket.connected, 1000);
  await redis.ask("DEL", key(token));
  await endsSoon(client, performance.now());
});

test("a logout while Redis is away holds here at once, and everywhere when it is back", async (t) => {
  const token = await foreign();
  const near = await watching(t, daemon, token);
  const far = await watching(t, other, token);
  await redis.ask("SAVE");
  await redis.kill();
  await until("the daemon to notice", async () => (await ready(daemon)).status === 503, { timeout: 5000 });
  const since = performance.now();
  const answer = await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${token}` } });
  assert.equal(answer.status, 500);
  assert.match(answer.json.message, /logged out here/);
  assert.equal(answer.cookies.ssh_session.value, "");
  await endsSoon(near, since);
  assert.equal(far.socket.connected, true);
  const late = Client.of(t, daemon, { token, reconnection: false });
  assert.equal(await late.until("connect_error"), "Authentication error: Invalid or expired session.");
  await redis.launch();
  await far.until("disconnect");
  assert.equal(await redis.ask("EXISTS", key(token)), 0);
  await backAgain();
});

test("a Redis that comes back empty has ended all sessions", async (t) => {
  const client = await watching(t, daemon, await foreign());
  await redis.ask("FLUSHALL");
  await redis.ask("SAVE");
  await redis.kill();
  await redis.launch();
  await client.until("disconnect");
  await backAgain();
});

test("a daemon that starts without Redis waits for it", async (t) => {
  await redis.kill();
  const early = await Daemon.start({ environment: { REDIS_URL: redis.url } });
  t.after(() => early.stop());
  assert.equal((await ready(early)).status, 503);
  assert.equal((await early.login()).json.code, "disconnected");
  await redis.launch();
  await backAgain();
  await until("the login", async () => (await ready(early)).status === 200);
  assert.equal((await early.login()).status, 200);
});

test("nothing is left on the node when all have gone", async () => {
  for (const one of [daemon, other]) await one.idle();
  await leavesNothing(node.user);
});
