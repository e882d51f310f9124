// nginx and Caddy in front of the daemon, configured as docs/deployment.md says: what stands there is what is tried here.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { node } from "./lib/target.mjs";
import { until, within } from "./lib/wait.mjs";

process.env.PATH += ":/usr/sbin:/sbin";
const page = readFileSync(new URL("../../../docs/deployment.md", import.meta.url), "utf8");
/// The blocks of the page in a language: one that is whole, and one for below a path.
const snippets = (language) => [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map((match) => match[1]);
const name = "pillard.example";
let daemon;
let below; // another one, with a base
let directory;

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
/// `text` with `from` in place of `to`; the page must have it.
function changed(text, from, to) {
  assert.ok(text.includes(from), `the page has no ${from}`);
  return text.replaceAll(from, to);
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "pillard-proxies-"));
  const set = {
    "server.reactors": 2,
    "server.origins": `https://${name}, http://${name}`,
    "server.trusted_proxies": "127.0.0.1",
    "engine.ping_interval": 500,
  };
  daemon = await Daemon.start({ set });
  below = await Daemon.start({ set: { ...set, "server.base": "/pillard" } });
});
after(async () => {
  await daemon?.stop();
  await below?.stop();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

/// A proxy that runs until the tests of its suite are over.
class Proxy {
  static async start(command, port, environment = {}) {
    const proxy = new Proxy();
    proxy.port = port;
    proxy.process = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { env: { ...process.env, ...environment } });
    for (const stream of [proxy.process.stdout, proxy.process.stderr]) stream.on("data", (piece) => (proxy.log += piece));
    proxy.ended = new Promise((resolve) => proxy.process.on("close", (code) => resolve((proxy.end = code ?? "killed"))));
    proxy.process.on("error", (error) => (proxy.log += error.message));
    const listens = () =>
      proxy.end !== undefined ||
      new Promise((resolve) => {
        const socket = net.connect(port, "127.0.0.1", () => {
          socket.destroy();
          resolve(true);
        });
        socket.on("error", () => resolve(false));
      });
    await until(`${command[0]} to listen`, listens, { timeout: 30_000 });
    assert.equal(proxy.end, undefined, `${command.join(" ")} has ended:\n${proxy.log}`);
    return proxy;
  }
  log = "";
  async stop() {
    this.process.kill("SIGTERM");
    await within("the proxy's end", this.ended).finally(() => this.process.kill("SIGKILL"));
  }
}

const credential = () =>
  JSON.stringify({ host: node.host, port: node.port, username: node.user, password: node.password });
const ways = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

/// What a dashboard does, through the proxy at `address()`: {url, origin, options of the client, request, daemon, base,
/// cookie path}.
function works(address) {
  let token;
  test("health, login and logout, the client being known", async () => {
    const { request, origin, base = "", daemon } = address();
    assert.equal((await request("GET", `${base}/healthz`)).status, 200);
    const log = async () => {
      // What a client writes into the header itself is not believed.
      const headers = { Origin: origin, "X-Forwarded-For": "198.51.100.7" };
      const answer = await request("POST", `${base}/api/ssh/connect`, { body: credential(), headers });
      assert.equal(answer.status, 200, answer.text);
      return answer.headers["set-cookie"][0];
    };
    const cookie = await log();
    assert.match(cookie, base ? /^ssh_session=[0-9a-f-]{36}; Path=\/pillard;/ : /^ssh_session=[0-9a-f-]{36}; Path=\/;/);
    assert.equal(/; Secure/.test(cookie), origin.startsWith("https:"));
    assert.doesNotMatch(daemon.log, /198\.51\.100\.7/);
    const Cookie = cookie.split(";")[0];
    const left = await request("POST", `${base}/api/ssh/disconnect`, { headers: { Cookie, Origin: origin } });
    assert.equal(left.status, 200, left.text);
    token = (await log()).match(/=([^;]+)/)[1];
  });
  test("a page of another origin is refused", async () => {
    const { request, base = "" } = address();
    const answer = await request("POST", `${base}/api/ssh/disconnect`, { headers: { Origin: "https://evil.example" } });
    assert.equal(answer.status, 403);
  });
  for (const [way, transports] of Object.entries(ways))
    test(`${way}: states, lines and heartbeats, as they come`, { timeout: 60_000 }, async (t) => {
      const { url, options, origin, base = "", daemon } = address();
      const extraHeaders = { Host: new URL(origin).host, Origin: origin };
      const client = Client.of(t, { url }, { auth: token, transports, path: base || "/", reconnection: false, extraHeaders, ...options });
      await client.until("authenticated");
      client.emit("subscribe_status", { interval: 1000 });
      client.emit("subscribe_logs", { service: "execution" });
      await client.until("status_update");
      const history = client.lines("execution").length;
      await client.until("log_data", () => client.lines("execution").length > history + 3);
      await client.until("status_update", () => client.all("status_update").length > 3);
      assert.equal(client.socket.io.engine.transport.name, transports.at(-1));
      assert.deepEqual(client.all("disconnect"), []);
      client.leave();
      await daemon.idle();
    });
}

/// Requests to 127.0.0.1:`port` under the name of the page.
const requester = (module, port, host, options = {}) => (method, path, { headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const outgoing = module.request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: false,
        ...options,
        headers: {
          Host: host,
          ...(body && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
          ...headers,
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });

describe("nginx, as the page has it", () => {
  let proxy;
  let port;
  let request;
  const tls = { rejectUnauthorized: false, servername: name };
  before(async () => {
    port = await freePort();
    request = requester(https, port, name, tls);
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-days", "2", "-subj", `/CN=${name}`, "-keyout", key, "-out", certificate]);
    assert.equal(made.status, 0, String(made.stderr));
    let [whole, location] = snippets("nginx");
    location = changed(location, "http://127.0.0.1:3001", below.url);
    whole = changed(whole, "listen 443 ssl;", `listen 127.0.0.1:${port} ssl;\n${location}`);
    whole = changed(whole, "/etc/ssl/pillard.example.pem", certificate);
    whole = changed(whole, "/etc/ssl/pillard.example.key", key);
    whole = changed(whole, "http://127.0.0.1:3001", daemon.url);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${directory}/${what};`);
    const file = join(directory, "nginx.conf");
    writeFileSync(file, `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr info;
      events {} http { access_log off; ${temporary.join(" ")}\n${whole}\n}`);
    proxy = await Proxy.start(["nginx", "-e", "stderr", "-p", directory, "-c", file], port);
  });
  after(() => proxy?.stop());
  const here = () => ({ url: `https://127.0.0.1:${port}`, origin: `https://${name}`, options: { rejectUnauthorized: false }, request });
  works(() => ({ ...here(), daemon }));
  describe("below a path", () => works(() => ({ ...here(), daemon: below, base: "/pillard" })));
  test("a large message passes, one that is larger than pillard takes does not", async () => {
    const { text } = await request("GET", "/?EIO=4&transport=polling");
    const path = `/?EIO=4&transport=polling&sid=${JSON.parse(text.slice(1)).sid}`;
    assert.equal((await request("POST", path, { body: "40" })).text, "ok");
    await until("CONNECT's answer", async () => (await request("GET", path)).text.startsWith("40"));
    const body = `420["x","${"y".repeat(900_000)}"]`;
    assert.equal((await request("POST", path, { body })).text, "ok");
    assert.equal((await request("POST", path, { body: body + "z".repeat(200_000) })).status, 413);
  });
});

describe("Caddy, as the page has it", () => {
  let proxy;
  let ports;
  before(async () => {
    ports = [await freePort(), await freePort()];
    // Its certificates come from outside; here the same sites are served without, and on ports of their own.
    const site = (text, port, to) =>
      changed(changed(text, `${name} {`, `http://:${port} {\n\tbind 127.0.0.1`), "127.0.0.1:3001", `127.0.0.1:${to.port}`);
    const [whole, path] = snippets("caddyfile");
    const file = join(directory, "Caddyfile");
    writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${site(whole, ports[0], daemon)}\n${site(path, ports[1], below)}`);
    const home = join(directory, "caddy");
    mkdirSync(home);
    const environment = { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
    proxy = await Proxy.start(["caddy", "run", "--adapter", "caddyfile", "--config", file], ports[1], environment);
  });
  after(() => proxy?.stop());
  const at = (port) => ({ url: `http://127.0.0.1:${port}`, origin: `http://${name}`, options: {}, request: requester(http, port, name) });
  works(() => ({ ...at(ports[0]), daemon }));
  describe("below a path", () => works(() => ({ ...at(ports[1]), daemon: below, base: "/pillard" })));
});
