// TLS as browsers and socket.io-client meet it, and certificates that are changed while clients are there.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import tls from "node:tls";

import { Certificates } from "./lib/certificates.mjs";
import { Client } from "./lib/client.mjs";
import { configuration, Daemon, runOnce } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { until } from "./lib/wait.mjs";

function certificates(t) {
  const made = new Certificates();
  t.after(() => made.discard());
  return made;
}

async function started(t, set = {}) {
  const made = certificates(t);
  const ca = made.issue("first");
  const daemon = await Daemon.start({ set: { ...made.set, ...set }, tls: { ca } });
  t.after(() => daemon.stop());
  return { daemon, made };
}

/// Whom the certificate names that a new connection is shown.
const shown = (daemon) =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port: daemon.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on("error", reject);
  });

test("a login by https gets Secure cookies, and a page of the same address no token", async (t) => {
  const { daemon } = await started(t);
  const login = await daemon.login({}, { headers: { Origin: daemon.url } });
  assert.equal(login.status, 200, login.text);
  assert.deepEqual(login.json, { success: true });
  assert.equal(login.cookies.ssh_session.attributes.secure, true);
  assert.equal(login.cookies.ssh_session_ws.attributes.secure, true);
  const plain = await daemon.get("/healthz", { headers: { Origin: daemon.url.replace("https", "http") } });
  assert.equal(plain.headers["access-control-allow-origin"], undefined, "a page without TLS is another one");
});

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]])
  test(`socket.io-client by TLS: ${transports}`, { timeout: 60_000 }, async (t) => {
    const { daemon } = await started(t, { "server.reactors": 2, "engine.ping_interval": 500 });
    const client = Client.of(t, daemon, { token: await daemon.session(), transports });
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 1000 });
    client.emit("subscribe_logs", { service: "execution" });
    await client.until("status_update");
    await until("lines", () => client.lines("execution").length > 50);
    assert.equal(client.socket.io.engine.transport.name, transports.at(-1));
    assert.deepEqual(client.all("disconnect"), []);
    client.leave();
    await daemon.idle();
  });

test("SIGHUP shows new connections a new certificate, and leaves the others alone", { timeout: 60_000 }, async (t) => {
  const { daemon, made } = await started(t);
  const client = Client.of(t, daemon, { token: await daemon.session(), transports: ["websocket"] });
  await client.until("authenticated");
  client.emit("subscribe_status", { interval: 1000 });
  assert.equal(await shown(daemon), "first");

  made.issue("second", 30);
  const before = await daemon.metric("pillard_tls_certificate_expiry_seconds");
  daemon.reload();
  await until("the new certificate", async () => (await shown(daemon)) === "second");
  const later = (await daemon.metric("pillard_tls_certificate_expiry_seconds")) - before;
  assert.ok(Math.abs(later - 28 * 86_400) < 120, `the new one lasts ${later} s longer`);
  assert.equal(await daemon.metric("pillard_tls_reloads_total"), 1);

  writeFileSync(made.files.key, "no key\n");
  daemon.reload();
  await daemon.said(/error transport: certificate not reloaded: the old one stays in use key=tls\.key why=.*holds no PEM private key/);
  assert.equal(await shown(daemon), "second");
  assert.equal(await daemon.metric("pillard_tls_reload_failures_total"), 1);

  const updates = client.all("status_update").length;
  await until("the old connection to go on", () => client.all("status_update").length > updates);
  assert.deepEqual(client.all("disconnect"), []);
});

test("every figure of TLS stands in the documentation, and none that there is not", async (t) => {
  const { daemon } = await started(t);
  const names = (text) => [...new Set(text.match(/pillard_tls_\w+/g))].sort();
  const documented = readFileSync(join(dirname(configuration), "../docs/operations.md"), "utf8");
  assert.deepEqual(names((await request(daemon.adminPort, "GET", "/metrics")).text), names(documented));
});

test("plain HTTP is told to speak TLS", async (t) => {
  const { daemon } = await started(t);
  const answer = await daemon.get("/healthz", { tls: null });
  assert.equal(answer.status, 400);
  assert.equal(answer.json.message, "This port speaks TLS only: ask by https:// or wss://.");
  const raw = RawSocket.open(t, { port: daemon.port });
  raw.upgrade();
  assert.equal((await raw.response()).status, 400);
  await raw.ends();
});

test("a unix socket and the admin listener stay plain", async (t) => {
  const path = join(tmpdir(), `pillard-tls-${process.pid}.sock`);
  const { daemon } = await started(t, { "server.listen": `127.0.0.1:0, unix:${path}` });
  const status = await new Promise((resolve, reject) => {
    http.get({ socketPath: path, path: "/healthz" }, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
  });
  assert.equal(status, 200);
  assert.equal((await request(daemon.adminPort, "GET", "/healthz")).status, 200);
});

test("SIGHUP without a certificate changes nothing", async (t) => {
  const daemon = await Daemon.start();
  t.after(() => daemon.stop());
  daemon.reload();
  await daemon.said(/configuration taken over/);
  assert.equal((await daemon.get("/healthz")).status, 200);
});

test("--check-config says what is wrong with a certificate", async (t) => {
  const made = certificates(t);
  const { directory, files } = made;
  made.issue("first");
  const check = (certificate, key) =>
    runOnce(["--config", configuration, "--check-config", "--set", `tls.certificate=${certificate}`, "--set", `tls.key=${key}`]);
  assert.equal((await check(files.certificate, files.key)).code, 0);
  const missing = await check(join(directory, "none.pem"), files.key);
  assert.equal(missing.code, 78);
  assert.match(missing.err, /pillard\.ini: tls\.certificate: .*none\.pem: No such file or directory/);
  const half = await check(files.certificate, "");
  assert.equal(half.code, 78);
  assert.match(half.err, /--set: tls\.certificate: needs the private key that belongs to it/);
  copyFileSync(files.key, join(directory, "old.pem"));
  made.issue("second");
  const other = await check(files.certificate, join(directory, "old.pem"));
  assert.equal(other.code, 78);
  assert.match(other.err, /tls\.key: .*old\.pem: does not belong to the certificate in .*cert\.pem/);
});
