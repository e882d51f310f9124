// Clients of the doors that need no Socket.IO: npm's ws at /ws, and a reader of Server-Sent Events that hides nothing.
import http from "node:http";
import { createRequire } from "node:module";

import { until } from "./wait.mjs";

const { WebSocket } = createRequire(`${process.env.PILLARD_NODE_MODULES}/`)("ws");

export class NativeClient {
  /// Has its connection; `token` goes with the upgrade.
  static async open(t, daemon, { token, headers = {}, ...options } = {}) {
    const client = new NativeClient();
    const all = { ...(token && { Authorization: `Bearer ${token}` }), ...headers };
    client.socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/ws`, { headers: all, ...options });
    client.socket.on("message", (data) => client.messages.push(JSON.parse(data.toString())));
    client.socket.on("close", (code, reason) => (client.closed = { code, reason: reason.toString() }));
    client.socket.on("error", (error) => (client.failure = error));
    t.after(() => client.socket.terminate());
    await until("a connection", () => client.failure || client.socket.readyState === WebSocket.OPEN);
    return client;
  }
  static async authenticated(t, daemon, options = {}) {
    const client = await NativeClient.open(t, daemon, { token: await daemon.session(), ...options });
    await client.until((message) => message.type === "authenticated");
    return client;
  }

  messages = [];
  closed = null;
  failure = null;
  #ids = 0;

  send(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }
  until(fits, options) {
    return until("a message", () => this.messages.find(fits), { timeout: 20_000, ...options }).catch((error) => {
      throw new Error(`${error.message}; the last: ${JSON.stringify(this.messages.slice(-5)).slice(0, 1500)}`);
    });
  }
  /// The answer to a message, whole.
  async ask(type, params, more = {}) {
    const id = `q${++this.#ids}`;
    this.send({ type, id, params, ...more });
    return this.until((message) => message.id === id);
  }
  /// The topic of a subscription.
  async subscribe(type, params, more) {
    const { data, error } = await this.ask(type, params, more);
    if (error) throw new Error(error.message);
    return data.topic;
  }
  /// Everything that came for a topic, in its order: {type, data} of single events.
  events(topic) {
    return this.messages
      .filter((message) => message.topic === topic)
      .flatMap(({ type, data }) => (type === "log_lines" ? data.map((one) => ({ type: "log_data", data: one })) : { type, data }));
  }
}

/// One answer to GET /api/stream/..., as it comes.
export class EventReader {
  static open(t, daemon, path, { token, headers = {} } = {}) {
    const reader = new EventReader();
    const all = { ...(token && { Authorization: `Bearer ${token}` }), ...headers };
    reader.request = http.get({ host: "127.0.0.1", port: daemon.port, path: `/api/stream/${path}`, agent: false, headers: all });
    reader.request.on("error", () => (reader.ended = true));
    reader.request.on("response", (response) => {
      reader.response = response;
      response.setEncoding("utf8");
      response.on("data", (piece) => reader.#take(piece));
      response.on("error", () => (reader.ended = true));
      response.on("end", () => (reader.ended = true));
    });
    t.after(() => reader.leave());
    return reader;
  }

  events = []; // {id, event, data}
  comments = 0;
  text = "";
  ended = false;
  #rest = "";

  async status() {
    await until("an answer", () => this.response);
    return this.response.statusCode;
  }
  until(fits, options) {
    return until("an event", () => this.events.find(fits), { timeout: 20_000, ...options }).catch((error) => {
      throw new Error(`${error.message}; so far: ${this.text.slice(-1500)}`);
    });
  }
  lines() {
    return this.events.filter(({ event }) => event === "log_data").map(({ data }) => data.line);
  }
  leave() {
    this.request.destroy();
  }

  #take(piece) {
    this.text += piece;
    this.#rest += piece;
    for (let end = this.#rest.indexOf("\n\n"); end >= 0; end = this.#rest.indexOf("\n\n")) {
      const block = this.#rest.slice(0, end).split("\n");
      this.#rest = this.#rest.slice(end + 2);
      const field = (name) => block.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      if (block[0].startsWith(":")) ++this.comments;
      if (field("event").length)
        this.events.push({ id: field("id")[0], event: field("event")[0], data: JSON.parse(field("data").join("\n")) });
    }
  }
}
