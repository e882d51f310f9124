// Plugins that misbehave inside a real daemon: what their subscribers are told, who else notices, what the operator
// reads. PILLARD_ROGUES is where tests/loader/plugins are built.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { until } from "./lib/wait.mjs";

const rogues = process.env.PILLARD_ROGUES;
if (!rogues) throw new Error("PILLARD_ROGUES is not set; CTest does");
const plugins = ["good", "sleeps", "hangs", "throws-in-timer", "throws-in-destructor", "invalid-json", "leaks-timers"];

const start = (set = {}) =>
  Daemon.start({ set: { "plugins.directory": rogues, "plugins.enabled": plugins.join(", "), ...set } });

/// A daemon with all of them, and a client that has subscribed to the one that behaves.
async function watched(t, set) {
  const daemon = await start(set);
  t.after(() => daemon.end ?? daemon.stop());
  const client = await Client.authenticated(t, daemon);
  await lives(client);
  return { daemon, client };
}

let words = 0;
/// The good plugin answers calls and streams.
async function lives(client) {
  const word = `word ${++words}`;
  client.emit("subscribe_echo", { word });
  await client.until("echo", (data) => data === word);
  client.emit("unsubscribe_echo", { word });
  return word;
}

test("one that throws in a callback: its subscriber is told `internal`, all others live on", async (t) => {
  const { daemon, client } = await watched(t);
  client.emit("subscribe_throws_in_timer", {});
  const error = await client.until("error");
  assert.equal(error.code, "internal");
  assert.equal(error.message, "The throws-in-timer plugin failed.");
  assert.notEqual(error.ended, true, "it is built again while anybody listens");
  await lives(client);
  await daemon.said(/ error plugin: an exception left the plugin plugin=throws-in-timer what=/);
  await until("further tries", async () => (await daemon.metric("pillard_plugin_failures_total")) >= 2);
  assert.equal(client.all("error").length, 1, "the same is told once");
});

test("one that throws in its destructor ends without a word to others", async (t) => {
  const { daemon, client } = await watched(t);
  client.emit("subscribe_throws_in_destructor", {});
  await client.until("throws_in_destructor");
  client.emit("unsubscribe_throws_in_destructor", {});
  await daemon.said(/plugin=throws-in-destructor what="cannot say goodbye"/);
  await lives(client);
});

test("one that publishes what is no JSON breaks no connection", async (t) => {
  const { client } = await watched(t);
  client.emit("subscribe_invalid_json", {});
  const error = await client.until("error");
  assert.equal(error.code, "internal");
  assert.deepEqual(client.all("invalid_json")[0], { fine: true });
  await lives(client);
  assert.equal(client.socket.connected, true);
});

test("one that arms timers without end is refused as overloaded", async (t) => {
  const { daemon, client } = await watched(t);
  client.emit("subscribe_leaks_timers", {});
  const error = await client.until("error");
  assert.equal(error.code, "overloaded");
  await daemon.said(/plugin=leaks-timers what="a stream or call of it has more than 1000 timers at once"/);
  await lives(client);
});

test("one that holds its loop for 100 ms is named, with the time that it took", async (t) => {
  const { daemon, client } = await watched(t);
  client.emit("subscribe_sleeps", {});
  await client.until("sleeps");
  const named = / warning observe: a callback of a plugin took too long; .* plugin=sleeps ms=(\d+)/;
  const [, ms] = await daemon.said(named);
  assert.ok(ms >= 100 && ms < 5000, `took ${ms} ms`);
  assert.ok((await daemon.metric("pillard_plugin_slow_calls_total")) >= 1);
  const spent = await daemon.metric("pillard_plugin_seconds_total");
  assert.ok(spent >= 0.1 && spent < 60, `spent ${spent} s`);
  const ready = await request(daemon.adminPort, "GET", "/readyz");
  assert.equal(ready.status, 200, ready.text);
  client.emit("unsubscribe_sleeps", {});
  await lives(client);
});

test("one that hangs its loop fails /readyz and /healthz, and the process ends and says who it was", async (t) => {
  const { daemon, client } = await watched(t, { "watchdog.unready": 500, "watchdog.fatal": 3000 });
  const before = await request(daemon.adminPort, "GET", "/readyz");
  assert.equal(before.status, 200, before.text);
  client.emit("subscribe_hangs", {});
  const began = performance.now();
  for (const path of ["/readyz", "/healthz"]) {
    const answer = await until(`503 on ${path}`, async () => {
      const got = await request(daemon.adminPort, "GET", path);
      return got.status === 503 && got;
    }, { timeout: 3000 });
    assert.equal(answer.json.status, "failing");
    assert.equal(answer.json.checks.reactors.ok, false);
    assert.match(answer.json.checks.reactors.detail, /^reactor-\d+ does not come back$/);
  }
  assert.ok((await daemon.metric("pillard_reactor_stuck_turns_total")) >= 1);
  const { signal } = await daemon.dies(15_000);
  assert.equal(signal, "SIGABRT");
  assert.ok(performance.now() - began < 10_000);
  assert.match(daemon.log, / error observe: an event loop does not come back lane=reactor-\d+ plugin=hangs ms=\d+/);
  assert.match(daemon.log, / error observe: an event loop is lost; .* lane=reactor-\d+ plugin=hangs ms=3\d\d\d\n$/);
});
