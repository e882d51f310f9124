// A redis-server of the test's own, and a client that speaks to it as another app would: without a package.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until, within } from "./wait.mjs";

export const key = (token) => `ssh_session:${token}`;
/// What the old server stores for a login.
export const oldRecord = ({ host, user, password, port }) =>
  JSON.stringify({ host, username: user, password, port, lastAccessed: 1700000000000 });

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/// One reply from the front of `text`: [value, rest], or nothing while it is not whole.
function reply(text) {
  const end = text.indexOf("\r\n");
  if (end < 0) return null;
  const head = text.slice(1, end);
  const rest = text.slice(end + 2);
  switch (text[0]) {
    case "+":
      return [head, rest];
    case "-":
      return [new Error(head), rest];
    case ":":
      return [Number(head), rest];
    case "$":
      if (head === "-1") return [null, rest];
      return rest.length < Number(head) + 2 ? null : [rest.slice(0, Number(head)), rest.slice(Number(head) + 2)];
    default:
      throw new Error(`no reply that these tests know: ${text.slice(0, 20)}`);
  }
}

export class Redis {
  /// With a password and a database of its own, so that the URL has all its parts.
  static async start() {
    const redis = new Redis();
    redis.port = await freePort();
    redis.directory = mkdtempSync(join(tmpdir(), "pillard-redis-"));
    await redis.launch();
    return redis;
  }
  password = "open/sesame@8181";
  database = 2;
  get url() {
    return `redis://:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}/${this.database}`;
  }

  /// Starts it with what it saved, if anything.
  async launch() {
    const settings = {
      port: this.port,
      bind: "127.0.0.1",
      dir: this.directory,
      save: "",
      requirepass: this.password,
      logfile: "redis.log",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.process = spawn("setpriv", ["--pdeathsig", "KILL", "redis-server", ...args], { stdio: "ignore" });
    this.ended = new Promise((resolve) => this.process.on("close", resolve));
    await until("redis-server", () => this.ask("PING").then((answer) => answer === "PONG", () => false));
  }
  async kill() {
    this.process.kill("SIGCONT");
    this.process.kill("SIGKILL");
    await within("the end of redis-server", this.ended);
  }
  freeze() {
    this.process.kill("SIGSTOP");
  }
  thaw() {
    this.process.kill("SIGCONT");
  }
  async stop() {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /// The reply to one command, over a connection of its own. Errors are thrown.
  ask(...command) {
    const encode = (args) => `*${args.length}\r\n${args.map((a) => `$${Buffer.byteLength(a)}\r\n${a}\r\n`).join("")}`;
    const commands = [["AUTH", this.password], ["SELECT", String(this.database)], command.map(String)];
    const answer = new Promise((resolve, reject) => {
      let text = "";
      let left = commands.length;
      const socket = net.connect(this.port, "127.0.0.1", () => socket.write(commands.map(encode).join("")));
      socket.setEncoding("latin1");
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("redis-server closed the connection")));
      socket.on("data", (piece) => {
        text += piece;
        for (let next = reply(text); next; next = text && reply(text)) {
          const [value, rest] = next;
          text = rest;
          if (value instanceof Error) reject(value);
          if (--left === 0) resolve(value);
        }
        if (left === 0) socket.destroy();
      });
    });
    return within(`Redis' answer to ${command[0]}`, answer, 5000);
  }
}
