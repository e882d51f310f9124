// The program itself: its options, its configuration, its health, its end.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { Client } from "./lib/client.mjs";
import { configuration, Daemon, runOnce } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { leavesNothing, node } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

/// A copy of the shipped configuration, changed: `edits` of pillard.ini, and files of conf.d.
function configured(t, edit = (text) => text, plugins = {}) {
  const directory = mkdtempSync(join(tmpdir(), "pillard-config-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  cpSync(join(dirname(configuration), "conf.d"), join(directory, "conf.d"), { recursive: true });
  mkdirSync(join(directory, "conf.d"), { recursive: true });
  const file = join(directory, "pillard.ini");
  writeFileSync(file, edit(readFileSync(configuration, "utf8")));
  for (const [name, text] of Object.entries(plugins)) writeFileSync(join(directory, "conf.d", `${name}.ini`), text);
  return file;
}
const sets = (...values) => values.flatMap((value) => ["--set", value]);
const check = (file, ...more) => runOnce(["--config", file, "--check-config", ...more]);
const lineOf = (file, text) => readFileSync(file, "utf8").split("\n").findIndex((line) => line.startsWith(text)) + 1;

/// A port that nobody listens on.
const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function started(t, options) {
  const daemon = await Daemon.start(options);
  t.after(() => daemon.stop());
  return daemon;
}

test("--version says which it is", async () => {
  const { code, out } = await runOnce(["--version"]);
  assert.equal(code, 0);
  assert.match(out, /^pillard \d+\.\d+\.\d+/);
});

test("--help names every option", async () => {
  const { code, out } = await runOnce(["--help"]);
  assert.equal(code, 0);
  for (const option of ["--config", "--set", "--check-config", "--version", "--help"]) assert.ok(out.includes(option));
});

test("what is no option is refused with a way on", async () => {
  for (const args of [["--frobnicate"], ["stray"], ["--set"], ["--config"]]) {
    const { code, err } = await runOnce(args);
    assert.notEqual(code, 0, args.join(" "));
    assert.match(err, /--help/, args.join(" "));
  }
});

test("the shipped configuration has no mistake", async (t) => {
  const { code, out, err } = await check(configured(t));
  assert.equal(code, 0, err);
  assert.doesNotMatch(err, /warning|error/);
  assert.match(out, /no mistakes; 4 plugins/);
});

test("a key with a typing error is named with file and line", async (t) => {
  const file = configured(t, (text) => text.replace("\norigins = ", "\norigin = "));
  const { code, err } = await check(file);
  assert.notEqual(code, 0);
  assert.ok(err.includes(`${file}:${lineOf(file, "origin = ")}`), err);
  assert.match(err, /origin\b/);
  assert.match(err, /1 mistake\n/);
});

test("all mistakes are told at once, each with its line", async (t) => {
  const file = configured(t, (text) =>
    text
      .replace("ping_interval = 10000", "ping_interval = soon")
      .replace("host_keys = accept-new", "host_keys = maybe")
      .replace("origins = http://localhost:3000", "origins = *")
      .replace("ttl = 10200", "ttl = 1"),
  );
  const { code, err } = await check(file);
  assert.notEqual(code, 0);
  for (const key of ["ping_interval", "host_keys", "origins", "ttl"]) {
    const line = lineOf(file, `${key} = `);
    assert.match(err, new RegExp(`:${line}\\b.*${key}`), err);
  }
  assert.match(err, /4 mistakes\n/);
});

test("a mistake in a plugin's file is named with file, line and key", async (t) => {
  const file = configured(t, undefined, {
    "client-logs": "lines = many\n",
    "node-status": "\nunit = execution\n",
  });
  const { code, err } = await check(file);
  assert.notEqual(code, 0);
  assert.match(err, /conf\.d\/client-logs\.ini:1\b.*lines/);
  assert.match(err, /conf\.d\/node-status\.ini:2\b.*unit\b/);
});

test("a plugin that is not there is named with the place that was looked at", async (t) => {
  const { code, err } = await check(configured(t), "--set", "plugins.enabled=node-status,no-such-plugin");
  assert.notEqual(code, 0);
  assert.match(err, /no-such-plugin/);
});

test("an unknown key on the command line is a mistake that names the option", async (t) => {
  const { code, err } = await check(configured(t), "--set", "server.lisen=127.0.0.1:0");
  assert.notEqual(code, 0);
  assert.match(err, /--set.*lisen|lisen.*--set/);
  const shapeless = await check(configured(t), "--set", "nonsense");
  assert.notEqual(shapeless.code, 0);
  assert.match(shapeless.err, /nonsense/);
});

test("a file that is not there is named", async () => {
  const { code, err } = await runOnce(["--config", "/nowhere/pillard.ini", "--check-config"]);
  assert.notEqual(code, 0);
  assert.match(err, /\/nowhere\/pillard\.ini/);
});

test("with mistakes the daemon does not start, and says which", async (t) => {
  const file = configured(t, (text) => text.replace("\norigins = ", "\norigin = "));
  const { code, err } = await runOnce(["--config", file]);
  assert.notEqual(code, 0);
  assert.match(err, /origin\b/);
});

test("with a mistake in a plugin's file the daemon does not start, and says which", async (t) => {
  const file = configured(t, undefined, { "client-logs": "lines = many\n" });
  const { code, err } = await runOnce(["--config", file, ...sets("server.listen=127.0.0.1:0", "admin.listen=")]);
  assert.notEqual(code, 0);
  assert.match(err, /client-logs\.ini:1\b.*lines/);
});

test("an address that is in use is named", async (t) => {
  const daemon = await started(t);
  const address = `127.0.0.1:${daemon.port}`;
  const file = configured(t);
  const { code, err } = await runOnce(["--config", file, ...sets(`server.listen=${address}`, "admin.listen=")]);
  assert.notEqual(code, 0);
  assert.ok(err.includes(address), err);
  assert.match(err, /in use/i);
});

test("health and readiness are public, metrics are not", async (t) => {
  const daemon = await started(t);
  for (const path of ["/healthz", "/readyz"]) {
    const answer = await daemon.get(path);
    assert.equal(answer.status, 200);
    assert.equal(typeof answer.json, "object");
    assert.equal((await request(daemon.adminPort, "GET", path)).status, 200);
    assert.equal((await daemon.post(path, {})).status, 405);
  }
  assert.equal((await daemon.get("/metrics")).status, 404);
  const metrics = await request(daemon.adminPort, "GET", "/metrics");
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers["content-type"], /^text\/plain; *version=0\.0\.4|openmetrics/);
  assert.match(metrics.text, /^# TYPE pillard_sessions gauge$/m);
});

test("the admin address is for no web page and takes nothing", async (t) => {
  const daemon = await started(t);
  const page = await request(daemon.adminPort, "GET", "/metrics", { headers: { Origin: "http://localhost:3000" } });
  assert.equal(page.status, 403);
  assert.equal((await request(daemon.adminPort, "POST", "/metrics", { body: {} })).status, 405);
  assert.equal((await request(daemon.adminPort, "POST", "/api/ssh/connect", { body: {} })).status, 405);
  assert.equal((await request(daemon.adminPort, "GET", "/nothing")).status, 404);
});

test("log.format json makes every line an object", async (t) => {
  const daemon = await Daemon.start({ set: { "log.format": "json" } });
  const client = Client.of(t, daemon, { token: await daemon.session(), reconnection: false });
  await client.until("authenticated");
  client.emit("subscribe_logs", { service: "execution" });
  client.emit("subscribe_logs", { service: "no\nsuch\u001b[31m" });
  await client.until("log_data");
  await daemon.stop();
  const lines = daemon.log.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.length > 5);
  for (const line of lines)
    for (const key of ["time", "level", "stage", "message"]) assert.equal(typeof line[key], "string");
  assert.ok(lines.some(({ message }) => message === "login"));
});

test("GET / tells a person what this is", async (t) => {
  const daemon = await started(t);
  const answer = await daemon.get("/");
  assert.equal(answer.status, 200);
  assert.match(answer.text, /pillard/);
});

test("PORT and WS_PORT replace the port, WS_PORT first", async (t) => {
  const [port, other] = [await freePort(), await freePort()];
  const one = await started(t, { set: { "server.listen": null }, environment: { PORT: String(port) } });
  assert.equal(one.port, port);
  const two = await started(t, {
    set: { "server.listen": null },
    environment: { PORT: String(port), WS_PORT: String(other) },
  });
  assert.equal(two.port, other);
});

test("a PORT that is none is a mistake", async (t) => {
  const file = configured(t);
  for (const port of ["http", "0", "65536", "-1"]) {
    const { code, err } = await runOnce(["--config", file, "--check-config"], { PORT: port });
    assert.notEqual(code, 0);
    assert.match(err, /PORT/);
  }
});

test("FRONTEND_URL replaces the origins", async (t) => {
  const daemon = await started(t, {
    set: { "server.origins": null },
    environment: { FRONTEND_URL: "https://dash.example" },
  });
  const allow = async (origin) => {
    const { headers } = await daemon.get("/", { headers: { Origin: origin } });
    return headers["access-control-allow-origin"];
  };
  assert.equal(await allow("https://dash.example"), "https://dash.example");
  assert.equal(await allow("http://localhost:3000"), undefined);
});

test("SIGTERM says goodbye to every client and leaves nothing on the node", async (t) => {
  const daemon = await Daemon.start({ set: { "ssh.linger": 500 } });
  try {
    const token = await daemon.session();
    const client = Client.of(t, daemon, { token, reconnection: false });
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 1000 });
    client.emit("subscribe_logs", { service: "execution" });
    await client.until("status_update");
    await client.until("log_data");
    const raw = RawSocket.open(t, daemon);
    await raw.authenticated(token);
    const idle = RawSocket.open(t, daemon);
    await until("the idle connection", () => !idle.socket.connecting);
    daemon.terminate();
    assert.equal((await raw.closeFrame()).code, 1001);
    assert.equal(await client.until("disconnect"), "transport close");
    await idle.ends(5000);
  } finally {
    await daemon.stop();
  }
  await leavesNothing(node.user);
});

test("SIGTERM while a login and a subscription are under way ends as orderly", async (t) => {
  const daemon = await Daemon.start();
  try {
    const token = await daemon.session();
    daemon.login().catch(() => {});
    for (let i = 0; i < 10; ++i) {
      const client = Client.of(t, daemon, { token, reconnection: false });
      client.socket.on("connect", () => {
        client.emit("subscribe_status", { interval: 1000 });
        client.emit("subscribe_logs", { service: "execution" });
      });
      if (i === 9) await client.until("connect");
    }
  } finally {
    await daemon.stop();
  }
  await leavesNothing(node.user);
});

test("old dashboards come back by themselves when the daemon does", async (t) => {
  const port = await freePort();
  const set = { "server.listen": `127.0.0.1:${port}` };
  const first = await Daemon.start({ set });
  const client = Client.of(t, first, { reconnectionDelay: 100, reconnectionDelayMax: 300, reconnectionAttempts: 100 });
  await client.until("connect");
  await first.stop();
  await client.until("disconnect");
  const second = await started(t, { set });
  await until("the second connect", () => client.all("connect").length === 2);
  // Sessions were the first one's: the user logs in again, and the same socket goes on.
  assert.deepEqual(await client.ask("authenticate", await second.session()), [true]);
});

test("a changed host key is a hard stop in words, before any password is sent", async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), "pillard-keys-")), "known_hosts");
  t.after(() => rmSync(dirname(file), { recursive: true, force: true }));
  const name = node.port === 22 ? node.host : `[${node.host}]:${node.port}`;
  const otherKey = "AAAAC3NzaC1lZDI1NTE5AAAAIJ1uSHwxhyMsuWXTM7Zr0Bq6AMDeA8cG0E0T9q7wZc0d";
  writeFileSync(file, `${name} ssh-ed25519 ${otherKey}\n`);
  const daemon = await started(t, { set: { "ssh.known_hosts": file } });
  const answer = await daemon.login();
  assert.equal(answer.status, 500);
  assert.match(answer.json.message, /host key/);
  assert.equal(answer.json.code, "conflict");
});

test("a node's key is pinned by the first login that succeeds, not by one that fails", async (t) => {
  const daemon = await started(t);
  const pinned = () => {
    try {
      return readFileSync(join(daemon.directory, "known_hosts"), "utf8");
    } catch {
      return "";
    }
  };
  await daemon.login({ password: "ThisIsNotIt" });
  assert.doesNotMatch(pinned(), /ssh-/);
  await daemon.session();
  assert.match(pinned(), new RegExp(`${node.host.replaceAll(".", "\\.")}.* ssh-ed25519 `));
});
