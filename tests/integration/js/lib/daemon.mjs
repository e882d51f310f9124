// One pillard on free ports, from its start to its orderly end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { request } from "./http.mjs";
import { node } from "./target.mjs";
import { until, within } from "./wait.mjs";

export const executable = process.env.PILLARD_DAEMON;
export const configuration = process.env.PILLARD_CONFIG;
if (!executable || !configuration) throw new Error("PILLARD_DAEMON and PILLARD_CONFIG are not set; CTest does");

const variables = ["PORT", "WS_PORT", "FRONTEND_URL", "REDIS_URL"];

/// Runs pillard with arguments that make it end by itself: {code, out, err}. `heard` is given the process and what it
/// has printed so far, whenever that is more.
export async function runOnce(args, environment = {}, heard = () => {}) {
  const env = { ...process.env, ...environment };
  for (const name of variables) if (!(name in environment)) delete env[name];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", executable, ...args], { env });
  const output = { out: "", err: "" };
  child.stdout.on("data", (piece) => {
    output.out += piece;
    heard(child, output.out);
  });
  child.stderr.on("data", (piece) => (output.err += piece));
  try {
    const code = await within(`pillard ${args.join(" ")} to end`, new Promise((r) => child.on("close", r)), 30_000);
    return { code, ...output };
  } finally {
    child.kill("SIGKILL");
  }
}

export class Daemon {
  /// `set`: {"section.key": value}. Free ports, the target allowed and debug logs unless it says otherwise; a value of
  /// null leaves a key to the file. `under`: words before the command, as ["taskset", "-c", "0"].
  /// `config`: another file than the one that is shipped.
  /// `tls`: what its clients need to know of its certificate, such as {ca}; then it is asked by https.
  static async start({ set = {}, environment = {}, under = [], tls = null, config = configuration } = {}) {
    const daemon = new Daemon();
    daemon.tls = tls;
    daemon.directory = mkdtempSync(join(tmpdir(), "pillard-test-"));
    const all = {
      "server.listen": "127.0.0.1:0",
      "admin.listen": "127.0.0.1:0",
      "server.origins": "http://localhost:3000",
      "ssh.allow": `${node.host}/32`,
      "ssh.known_hosts": join(daemon.directory, "known_hosts"),
      "log.level": "debug",
      ...set,
    };
    const sets = Object.entries(all)
      .filter(([, value]) => value !== null)
      .flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const env = { ...process.env, ...environment };
    for (const name of variables) if (!(name in environment)) delete env[name];
    // Should the test be killed, the daemon goes with it.
    const command = [...under, executable, "--config", config, ...sets];
    daemon.process = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { env });
    daemon.process.stderr.on("data", (piece) => (daemon.log += piece));
    daemon.ended = new Promise((resolve) => {
      daemon.process.on("close", (code, signal) => {
        daemon.end = { code, signal };
        resolve(daemon.end);
      });
    });
    try {
      const ready = / daemon: ready|"message":"ready"/; // in both formats
      await until("the daemon's start", () => daemon.end || ready.test(daemon.log), { timeout: 60_000 });
      const listening = /listening(?: address=|","address":")127\.0\.0\.1:(\d+)/g;
      const addresses = [...daemon.log.matchAll(listening)].map(([, port]) => Number(port));
      assert.ok(!daemon.end && addresses.length === 2, `the daemon did not start:\n${daemon.log}`);
      [daemon.port, daemon.adminPort] = addresses;
      daemon.url = `${tls ? "https" : "http"}://127.0.0.1:${daemon.port}`;
      return daemon;
    } catch (error) {
      daemon.#discard();
      throw error;
    }
  }

  log = "";
  end = null;
  #secrets = new Set([node.password]);
  #sessions = new Map();
  #attempts = 0;

  get(path, options) {
    return request(this.port, "GET", path, { tls: this.tls, ...options });
  }
  post(path, body, options) {
    return request(this.port, "POST", path, { body, tls: this.tls, ...options });
  }
  /// One login. Each comes from an address of its own, or the limiter would soon refuse them.
  async login(fields = {}, options = {}) {
    const body = { host: node.host, port: node.port, username: node.user, password: node.password, ...fields };
    const from = `127.0.1.${(++this.#attempts % 200) + 1}`;
    const answer = await this.post("/api/ssh/connect", body, { from, ...options });
    const token = answer.cookies.ssh_session?.value;
    if (token) this.#secrets.add(token);
    return answer;
  }
  /// The token of a session that the tests of a file share.
  async session(username = node.user) {
    if (!this.#sessions.has(username)) {
      const answer = await this.login({ username });
      assert.equal(answer.status, 200, answer.text);
      this.#sessions.set(username, answer.cookies.ssh_session.value);
    }
    return this.#sessions.get(username);
  }

  /// One figure of /metrics, all its labels together.
  async metric(name) {
    const { text } = await request(this.adminPort, "GET", "/metrics");
    const found = [...text.matchAll(/^(\w+)(?:\{[^}]*\})? (\S+)$/gm)].filter((match) => match[1] === name);
    assert.ok(found.length > 0, `/metrics has no ${name}`);
    return found.reduce((sum, match) => sum + Number(match[2]), 0);
  }

  /// The match of `pattern` in the log, once it is there: an answer may be faster than the line about it.
  said(pattern) {
    return until(`${pattern} in the log`, () => this.log.match(pattern)).catch((error) => {
      throw new Error(`${error.message}\n${this.log.slice(-6000)}`);
    });
  }

  /// Waits until the daemon has let go of everything that its clients wanted.
  async idle() {
    for (const what of ["subscriptions", "topics", "ssh_channels", "clients_authenticated"])
      await until(`no ${what}`, async () => (await this.metric(`pillard_${what}`)) === 0, { timeout: 20_000 });
  }

  /// Ends it as a supervisor does, and looks at what it leaves: a clean exit, no report of a sanitizer, no secret in
  /// its log, not even in part.
  async stop() {
    this.terminate();
    try {
      const { code, signal } = await within("the daemon's end", this.ended, 20_000);
      assert.equal(signal ?? code, 0, `the daemon's last words:\n${this.log.slice(-6000)}`);
      assert.doesNotMatch(this.log, /Sanitizer|runtime error:/);
      this.#keepsSecrets();
    } finally {
      this.#discard();
    }
  }

  /// Waits for it to end by itself, and lets go of what it leaves: {code, signal}.
  async dies(timeout) {
    try {
      return await within("the daemon's death", this.ended, timeout);
    } finally {
      this.#keepsSecrets();
      this.#discard();
    }
  }

  /// Asks it to take over what has changed. Not by ChildProcess.kill(), which then counts it as killed.
  reload() {
    process.kill(this.process.pid, "SIGHUP");
  }

  /// Asks it to end, once: a second signal would end it by force.
  terminate() {
    if (!this.process.killed) this.process.kill("SIGTERM");
  }

  #discard() {
    this.process.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  #keepsSecrets() {
    for (const secret of this.#secrets)
      for (let at = 0; at + 8 <= secret.length; ++at) {
        const found = this.log.indexOf(secret.slice(at, at + 8));
        assert.equal(found, -1, `a secret is in the log: ${this.log.slice(Math.max(0, found - 120), found + 40)}`);
      }
  }
}
