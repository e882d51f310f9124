// A dashboard as the old one connects: npm's socket.io-client with the options of its hook useWebSocket.
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

import { until } from "./wait.mjs";

const packages = process.env.PILLARD_NODE_MODULES;
if (!packages) throw new Error("PILLARD_NODE_MODULES is not set; ./dev test does");
const require = createRequire(`${packages}/`);

export class Client {
  /// `token` goes both ways, as the hook does it, unless `cookie` or `auth` say otherwise; null: not this way. `version`:
  /// the package, as package.json names it.
  constructor(daemon, { token = null, cookie = token, auth = token, version = "socket.io-client", ...options } = {}) {
    this.socket = require(version).io(daemon.url, {
      path: "/",
      addTrailingSlash: false,
      transports: ["websocket", "polling"],
      withCredentials: true,
      extraHeaders: cookie ? { cookie: `ssh_session=${cookie}` } : {},
      forceNew: true,
      timeout: 20_000,
      reconnectionAttempts: 5,
      reconnectionDelay: 1000,
      reconnectionDelayMax: 5000,
      auth: auth ? { token: auth } : {},
      ...daemon.tls,
      ...options,
    });
    this.socket.onAny((name, ...args) => this.#note(name, ...args));
    this.socket.on("connect", () => this.#note("connect"));
    this.socket.on("disconnect", (reason) => this.#note("disconnect", reason));
    this.socket.on("connect_error", (error) => this.#note("connect_error", error.message));
  }

  /// A client that has been told that it is authenticated; it leaves when the test ends.
  static async authenticated(t, daemon, options) {
    const client = Client.of(t, daemon, { token: await daemon.session(), ...options });
    await client.until("authenticated");
    return client;
  }
  static of(t, daemon, options) {
    const client = new Client(daemon, options);
    t.after(() => client.leave());
    return client;
  }

  events = [];

  /// The first argument of each event of this name.
  all(name) {
    return this.events.filter((event) => event.name === name).map((event) => event.args[0]);
  }
  times(name) {
    return this.events.filter((event) => event.name === name).map((event) => event.at);
  }
  lines(service) {
    return this.all("log_data").filter((data) => data.service === service).map((data) => data.line);
  }
  /// The first argument of the first event that fits, past or to come.
  async until(name, fits = () => true, options = {}) {
    const fitting = () => this.events.find((event) => event.name === name && fits(event.args[0]));
    try {
      return (await until(`the event ${name}`, fitting, { timeout: 20_000, every: 5, ...options })).args[0];
    } catch (error) {
      const seen = JSON.stringify(this.events.slice(-5)).slice(0, 1500);
      throw new Error(`${error.message}; of ${this.events.length} events the last: ${seen}`);
    }
  }
  emit(...args) {
    this.socket.emit(...args);
  }
  /// The arguments of the acknowledgement.
  ask(name, ...args) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no acknowledgement of ${name}`)), 20_000);
      this.socket.emit(name, ...args, (...answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }
  leave() {
    this.socket.disconnect();
  }

  #note(name, ...args) {
    this.events.push({ name, args, at: performance.now() });
  }
}
