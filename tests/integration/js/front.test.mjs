// What stands in front of the daemon and how much it may ask: proxies and their headers, unix sockets, a base path, limits.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { node } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

async function started(t, set = {}) {
  const daemon = await Daemon.start({ set });
  t.after(() => daemon.stop());
  return daemon;
}
/// How often a limit was reached.
async function reached(daemon, limit) {
  const { text } = await request(daemon.adminPort, "GET", "/metrics");
  return Number(text.match(new RegExp(`^pillard_limit_reached_total\\{limit="${limit}"\\} (\\d+)$`, "m"))[1]);
}
const credential = { host: node.host, port: node.port, username: node.user, password: node.password };

/// {status, text} of a request by a unix socket.
const byUnix = (socketPath, path, headers = {}) =>
  new Promise((resolve, reject) => {
    http
      .get({ socketPath, path, headers, agent: false }, (response) => {
        let text = "";
        response.on("data", (piece) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode, text }));
      })
      .on("error", reject);
  });

test("a unix socket serves beside TCP, with its rights, and goes at the end", async (t) => {
  const path = join("/tmp", `pillard-front-${process.pid}.sock`);
  const daemon = await started(t, { "server.listen": `127.0.0.1:0, unix:${path}`, "server.unix_mode": "0600" });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal((await byUnix(path, "/healthz")).status, 200);
  assert.equal((await byUnix(path, "/healthz", { Host: "anything.example" })).status, 200);
  const opened = await byUnix(path, "/?EIO=4&transport=polling", { Host: "anything.example" });
  assert.equal(opened.status, 200, "a name cannot trick a browser into a unix socket");
  await daemon.said(/listening address=unix:/);
  daemon.terminate();
  await daemon.ended;
  assert.ok(!existsSync(path));
});

test("a socket that a killed daemon left behind is replaced", async (t) => {
  const path = join("/tmp", `pillard-front-left-${process.pid}.sock`);
  const set = { "server.listen": `127.0.0.1:0, unix:${path}` };
  const killed = await Daemon.start({ set });
  killed.process.kill("SIGKILL");
  await killed.dies(20_000);
  assert.ok(existsSync(path));
  await started(t, set);
  assert.equal((await byUnix(path, "/healthz")).status, 200);
});

test("a trusted proxy says who logs in, and that the browser sees https", { timeout: 60_000 }, async (t) => {
  const daemon = await started(t, { "server.trusted_proxies": "127.0.0.1" });
  const headers = { "X-Forwarded-For": "198.51.100.1, 203.0.113.7", "X-Forwarded-Proto": "https" };
  // Each another account: an account has fewer attempts than an address.
  const wrong = (i) => ({ ...credential, username: `nobody${i}`, port: 1 });
  for (let i = 0; i < 10; ++i) assert.equal((await daemon.post("/api/ssh/connect", wrong(i), { headers })).status, 500);
  assert.equal((await daemon.post("/api/ssh/connect", credential, { headers })).status, 429);
  await daemon.said(/login refused by the limiter .*client=203\.0\.113\.7 /);
  const other = { ...headers, "X-Forwarded-For": "198.51.100.1, 203.0.113.8" };
  const answer = await daemon.post("/api/ssh/connect", wrong(10), { headers: other });
  assert.equal(answer.status, 500, "others are not held up");
  const login = await daemon.login({}, { from: "127.0.0.1", headers: other });
  assert.equal(login.status, 200, login.text);
  assert.equal(login.cookies.ssh_session.attributes.secure, true);
});

test("of anybody else the header does not count", async (t) => {
  const daemon = await started(t, { "server.trusted_proxies": "127.0.0.1" });
  const headers = { "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https" };
  const login = await daemon.login({}, { headers }); // from another loopback address
  assert.equal(login.status, 200, login.text);
  assert.equal(login.cookies.ssh_session.attributes.secure, undefined);
  const failed = await daemon.post("/api/ssh/connect", { ...credential, port: 1 }, { from: "127.0.9.9", headers });
  assert.equal(failed.status, 500);
  await daemon.said(/login failed .*client=127\.0\.9\.9 /);
});

test("everything is below the base path, sockets and cookies too", { timeout: 60_000 }, async (t) => {
  const daemon = await started(t, { "server.base": "/pillard" });
  assert.equal((await daemon.get("/healthz")).status, 404);
  assert.equal((await daemon.get("/pillard/healthz")).status, 200);
  const login = await daemon.post("/pillard/api/ssh/connect", credential);
  assert.equal(login.status, 200, login.text);
  assert.equal(login.cookies.ssh_session.attributes.path, "/pillard");
  const token = login.cookies.ssh_session.value;
  for (const [path, transports] of [["/pillard/", ["websocket"]], ["/pillard/socket.io/", ["polling", "websocket"]]]) {
    const client = Client.of(t, daemon, { token, path, transports });
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 1000 });
    await client.until("status_update");
    client.leave();
  }
});

test("one address has so many connections, and is told", { timeout: 60_000 }, async (t) => {
  const daemon = await started(t, { "limits.connections_per_address": 3 });
  const kept = Array.from({ length: 3 }, () => RawSocket.open(t, daemon, { localAddress: "127.0.5.5" }));
  for (const raw of kept) {
    raw.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert.equal((await raw.response()).status, 200);
  }
  const refused = RawSocket.open(t, daemon, { localAddress: "127.0.5.5" });
  const answer = await refused.response();
  assert.equal(answer.status, 429);
  assert.match(answer.body, /Too many connections from this address/);
  await refused.ends();
  assert.equal((await daemon.get("/healthz", { from: "127.0.5.6" })).status, 200, "others are served");
  assert.equal(await reached(daemon, "connections_per_address"), 1);
  kept[0].destroy();
  await until("a place", async () => {
    try {
      return (await daemon.get("/healthz", { from: "127.0.5.5" })).status === 200;
    } catch {
      return false; // refused before it had asked
    }
  });
});

test("behind a trusted proxy each client has places of its own", { timeout: 60_000 }, async (t) => {
  const daemon = await started(t, { "limits.connections_per_address": 1, "server.trusted_proxies": "127.0.0.0/8" });
  const upgrade = async (address) => {
    const raw = RawSocket.open(t, daemon);
    raw.upgrade({ headers: { "X-Forwarded-For": address } });
    return { raw, ...(await raw.response()) };
  };
  const first = await upgrade("203.0.113.7");
  assert.equal(first.status, 101);
  assert.equal((await upgrade("203.0.113.7")).status, 429);
  assert.equal((await upgrade("203.0.113.8")).status, 101);
  first.raw.destroy();
  await until("a place", async () => (await upgrade("203.0.113.7")).status === 101);
});

test("one stream too many is answered as overloaded, and the others go on", { timeout: 60_000 }, async (t) => {
  const daemon = await started(t, { "limits.subscriptions": 1 });
  const client = await Client.authenticated(t, daemon);
  assert.deepEqual(await client.ask("subscribe_status", { interval: 1000 }), [{ data: null }]);
  const [{ error }] = await client.ask("subscribe_logs", { service: "execution" });
  assert.equal(error.code, "overloaded");
  assert.match(error.message, /holds 1 subscriptions already/);
  assert.equal(await reached(daemon, "subscriptions"), 1);
  await client.until("status_update");
  assert.deepEqual(client.all("disconnect"), []);
});

test("a connection that asks for nothing more is closed after idle_timeout", async (t) => {
  const daemon = await started(t, { "limits.idle_timeout": 300 });
  const raw = RawSocket.open(t, daemon);
  raw.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal((await raw.response()).status, 200);
  await raw.ends(5000);
  assert.equal(await reached(daemon, "idle_timeout"), 1);
});
