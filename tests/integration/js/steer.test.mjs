// Plugins that come, go and change while a daemon serves: what clients notice, and what the operator is told.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { ordinary, set } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const { PILLARD_PLUGINS: real, PILLARD_ROGUES: rogues } = process.env;
if (!real || !rogues) throw new Error("PILLARD_PLUGINS or PILLARD_ROGUES is not set; CTest does");

/// A daemon with a configuration and plugins of its own, which a test may change.
class Steered {
  static async start(t, enabled, more = "") {
    const steered = new Steered();
    steered.more = more;
    steered.directory = mkdtempSync(join(tmpdir(), "pillard-steer-"));
    t.after(() => rmSync(steered.directory, { recursive: true, force: true }));
    for (const folder of ["plugins", "conf.d"]) mkdirSync(join(steered.directory, folder), { mode: 0o755 });
    for (const plugin of ["client-logs", "node-status"]) steered.install(join(real, `${plugin}.so`), plugin);
    for (const plugin of ["good", "throws-in-timer"]) steered.install(join(rogues, `${plugin}.so`), plugin);
    steered.write(enabled);
    steered.daemon = await Daemon.start({ config: join(steered.directory, "pillard.ini") });
    t.after(() => steered.daemon.stop());
    return steered;
  }
  /// Beside the old file, then into its place.
  install(file, name) {
    const beside = join(this.directory, "plugins", `${name}.so.new`);
    copyFileSync(file, beside);
    renameSync(beside, join(this.directory, "plugins", `${name}.so`));
  }
  write(enabled) {
    const text = `[plugins]\ndirectory = plugins\nenabled = ${enabled.join(", ")}\n${this.more}`;
    writeFileSync(join(this.directory, "pillard.ini"), text);
  }
  configure(plugin, text) {
    writeFileSync(join(this.directory, "conf.d", `${plugin}.ini`), text);
  }
  /// Has it take over what was changed.
  async reload() {
    const taken = () => [...this.daemon.log.matchAll(/ daemon: configuration taken over /g)].length;
    const before = taken();
    this.daemon.reload();
    await until("the configuration to be taken over", () => taken() > before).catch((error) => {
      throw new Error(`${error.message}\n${this.daemon.log.slice(-4000)}`);
    });
  }
  async plugin(name) {
    const { json } = await request(this.daemon.adminPort, "GET", "/plugins");
    return json.plugins.find((plugin) => plugin.name === name);
  }
}

const numbers = (client) =>
  client.lines("execution").filter((line) => line.startsWith("numbered ")).map((line) => Number(line.slice(9)));
const consecutive = (seen) => seen.forEach((number, i) => assert.equal(number, seen[0] + i));
const heard = (client, word) => client.until("echo", (data) => data === word);

test("SIGHUP starts and stops plugins; subscribers are told, the others do not notice", { timeout: 90_000 }, async (t) => {
  const steered = await Steered.start(t, ["client-logs", "good"]);
  const { daemon } = steered;
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, RATE: 50 });
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_logs", { service: "execution" });
  client.emit("subscribe_echo", { word: "here" });
  await heard(client, "here");
  await until("lines", () => numbers(client).length > 20);
  const asked = await client.ask("subscribe_status", {});
  assert.equal(asked[0].error.code, "not_found");

  steered.write(["client-logs", "node-status"]);
  await steered.reload();
  const error = await client.until("error");
  assert.deepEqual(
    { code: error.code, type: error.type, params: error.params, ended: error.ended, message: error.message },
    { code: "unsupported", type: "subscribe_echo", params: { word: "here" }, ended: true,
      message: "The good plugin does not offer subscribe_echo any more: it was stopped or replaced." });
  client.emit("subscribe_status", { interval: 1000 });
  await client.until("status_update");
  assert.equal((await client.ask("subscribe_echo", {}))[0].error.code, "not_found");
  const document = await (await fetch(`${daemon.url}/api/openapi.json`)).json();
  assert.ok(document.paths["/api/stream/subscribe_status"]);
  assert.equal(document.paths["/api/stream/subscribe_echo"], undefined);

  const before = numbers(client).length;
  await until("further lines", () => numbers(client).length > before + 50);
  consecutive(numbers(client));
  assert.equal(client.all("error").length, 1);

  steered.write(["client-logs", "node-status", "good"]);
  await steered.reload();
  client.emit("subscribe_echo", { word: "back" });
  await heard(client, "back");
});

test("a new file takes over in place: subscribers go on, and no line is lost or comes twice", { timeout: 90_000 }, async (t) => {
  const steered = await Steered.start(t, ["client-logs", "good"]);
  const { daemon } = steered;
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, RATE: 200 });
  const clients = [];
  for (let i = 0; i < 3; ++i) {
    const client = await Client.authenticated(t, daemon);
    client.emit("subscribe_logs", { service: "execution" });
    clients.push(client);
  }
  const [client] = clients;
  client.emit("subscribe_echo", { word: "on" });
  await heard(client, "on");
  await until("lines", () => clients.every((one) => numbers(one).length > 300));
  const first = await steered.plugin("client-logs");

  for (let turn = 0; turn < 3; ++turn) {
    steered.install(join(real, "client-logs.so"), "client-logs");
    if (turn === 1) steered.install(join(rogues, "good-again.so"), "good");
    await steered.reload();
    const before = numbers(client).length;
    await until("further lines", () => clients.every((one) => numbers(one).length > before + 300));
  }
  for (const one of clients) consecutive(numbers(one));
  await heard(client, "again: on");
  assert.deepEqual(clients.flatMap((one) => one.all("error")), []);
  const last = await steered.plugin("client-logs");
  assert.ok(last.since > first.since);
  assert.equal(last.state, "running");
  assert.equal((await steered.plugin("good")).version, "2.0.0");
  await daemon.said(/ info loader: replaced plugin=good was=1\.2\.3 version=2\.0\.0/);

  // The params as the new version knows them, and as the old one did, mean the same subscription.
  client.emit("unsubscribe_echo", { word: "on", loud: false });
  await until("its end", async () => (await steered.plugin("good")).streams[0].subscriptions === 0);
  assert.equal((await client.ask("ask_again", { word: "well?" }))[0].data, "well?");
});

test("what is wrong with a change is named, and all goes on as it was", { timeout: 90_000 }, async (t) => {
  const steered = await Steered.start(t, ["client-logs", "good"]);
  const { daemon } = steered;
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_echo", { word: "a" });
  await heard(client, "a");

  steered.configure("good", "interval = often\n");
  await steered.reload();
  await daemon.said(/ error loader: not loaded why=".*conf\.d\/good\.ini:1: interval: expected an integer/);
  assert.match((await steered.plugin("good")).trouble, /good\.ini has mistakes/);
  steered.configure("good", "");

  steered.write(["client-logs", "good", "absent"]);
  await steered.reload();
  await daemon.said(/ error loader: not loaded why=".*absent\.so: cannot be opened: No such file or directory"/);
  assert.deepEqual([(await steered.plugin("absent")).state, (await steered.plugin("absent")).version], ["refused", undefined]);
  const { status, json } = await request(daemon.adminPort, "GET", "/readyz");
  assert.deepEqual([status, json.checks.plugins.detail], [200, "2 loaded, absent refused"]);

  writeFileSync(join(steered.directory, "pillard.ini"), "[plugins]\nenabeld = good\n");
  daemon.reload();
  await daemon.said(/ error config: mistake what=".*pillard\.ini:2: plugins\.enabeld: unknown key"/);
  await daemon.said(/ error daemon: the configuration has mistakes: nothing of it is taken over/);

  steered.more = "[limits]\nsubscriptions = 7\n";
  steered.write(["client-logs", "good"]);
  await steered.reload();
  await daemon.said(/ warning config: changed, but only a start of the daemon takes it over key=limits\.subscriptions/);

  client.emit("subscribe_echo", { word: "b" });
  await heard(client, "b");
  assert.deepEqual(client.all("error"), []);
});

test("one that keeps failing is stopped without touching the others, until SIGHUP", { timeout: 90_000 }, async (t) => {
  const steered = await Steered.start(t, ["client-logs", "good", "throws-in-timer"], "max_failures = 3\nfailure_window = 60\n");
  const { daemon } = steered;
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_logs", { service: "validator" });
  await client.until("log_data");
  client.emit("subscribe_throws_in_timer", {});
  const ended = await client.until("error", (error) => error.ended, { timeout: 30_000 });
  assert.deepEqual([ended.code, ended.type], ["unsupported", "subscribe_throws_in_timer"]);
  assert.equal(ended.message, "The throws-in-timer plugin does not offer subscribe_throws_in_timer any more: it was stopped or replaced.");
  await daemon.said(/ error loader: stopped plugin=throws-in-timer why="it kept failing, last with: /);

  const told = await steered.plugin("throws-in-timer");
  assert.equal(told.state, "failed");
  assert.equal(told.failures, 3);
  assert.match(told.trouble, /^it kept failing, last with: /);
  assert.ok(told.last_failure);
  const { status, json } = await request(daemon.adminPort, "GET", "/readyz");
  assert.deepEqual([status, json.checks.plugins.detail], [200, "2 loaded, throws-in-timer failed"]);
  assert.equal((await client.ask("subscribe_throws_in_timer", {}))[0].error.code, "unsupported");
  client.emit("subscribe_echo", { word: "fine" });
  await heard(client, "fine");
  assert.equal(client.all("error").filter(({ type }) => type !== "subscribe_throws_in_timer").length, 0);

  await steered.reload();
  assert.equal((await steered.plugin("throws-in-timer")).state, "running");
  assert.equal((await client.ask("subscribe_throws_in_timer", {}))[0].error, undefined);
});

test("the operator sees each plugin's streams, subscribers, time and failures", { timeout: 60_000 }, async (t) => {
  const steered = await Steered.start(t, ["client-logs", "node-status"]);
  const { daemon } = steered;
  const clients = [await Client.authenticated(t, daemon), await Client.authenticated(t, daemon)];
  for (const client of clients) client.emit("subscribe_logs", { service: "execution" });
  clients[0].emit("subscribe_logs", { service: "consensus" });
  for (const client of clients) await client.until("log_data");
  await clients[0].until("log_data", ({ service }) => service === "consensus");
  const logs = await steered.plugin("client-logs");
  assert.deepEqual(logs.streams, [{ subscribe: "subscribe_logs", event: "log_data", running: 2, subscriptions: 3 }]);
  assert.equal(logs.state, "running");
  assert.match(logs.version, /^\d+\.\d+\.\d+$/);
  assert.equal(logs.file, join(steered.directory, "plugins/client-logs.so"));
  assert.ok(logs.seconds > 0 && logs.entered > 0);
  assert.deepEqual([logs.failures, logs.breaches, logs.last_failure], [0, 0, undefined]);
  assert.ok(Math.abs(Date.now() - logs.since) < 60_000);
  const { text } = await request(daemon.adminPort, "GET", "/metrics");
  assert.match(text, /^pillard_plugin_subscriptions\{plugin="client-logs",stream="subscribe_logs"\} 3$/m);
  assert.match(text, /^pillard_plugin_streams\{plugin="client-logs",stream="subscribe_logs"\} 2$/m);
  for (const client of clients) client.leave();
  await until("nobody", async () => (await steered.plugin("client-logs")).streams[0].subscriptions === 0);
  assert.equal((await request(daemon.adminPort, "POST", "/plugins")).status, 405);
  assert.equal((await daemon.get("/plugins")).status, 404, "not on the public listener");
});
