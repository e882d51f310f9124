// Clients that pillard was not written for: other versions, other languages, a browser's own. Each sees the node's states
// and every line of a log, in order.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Browser, Pages } from "./lib/browser.mjs";
import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { Relay } from "./lib/relay.mjs";
import { node, ordinary, set, tidy } from "./lib/target.mjs";
import { until, within } from "./lib/wait.mjs";

const WebSocket = createRequire(`${process.env.PILLARD_NODE_MODULES}/`)("ws");
const python = fileURLToPath(new URL("../python/interop.py", import.meta.url));
const wanted = 50;
let daemon;
let token;
let pages;

before(async () => {
  pages = await Pages.start();
  daemon = await Daemon.start({
    set: {
      "server.reactors": 3,
      "server.origins": `${pages.origin("pillard.example")}, http://pillard.example`,
      "engine.ping_interval": 500,
      "engine.ping_timeout": 3000,
    },
  });
  token = await daemon.session();
  await set("execution", { ...ordinary, NUMBERED: 1, RATE: 50 });
});
after(async () => {
  try {
    await tidy("execution");
  } finally {
    await daemon?.stop();
    await pages?.stop();
  }
});

/// Each number once and in order, and enough of them.
function inOrder(lines) {
  const numbers = lines.map((line) => Number(line.match(/^numbered (\d+)$/)?.[1])).filter(Boolean);
  numbers.forEach((number, i) => assert.equal(number, numbers[0] + i, "a line is missing or came twice"));
  return numbers.length;
}

const ways = { "polling only": ["polling"], "WebSocket only": ["websocket"], upgrade: ["polling", "websocket"] };

for (const version of ["socket.io-client", "socket.io-client-4.0"])
  describe(version, () => {
    for (const [way, transports] of Object.entries(ways))
      test(`${way}: states, lines, acknowledgements, and its own leave`, { timeout: 60_000 }, async (t) => {
        const client = await Client.authenticated(t, daemon, { version, transports, reconnection: false });
        client.emit("subscribe_status", { interval: 1000 });
        client.emit("subscribe_logs", { service: "execution" });
        await client.until("status_update");
        await client.until("log_data", () => inOrder(client.lines("execution")) > wanted);
        assert.equal(client.socket.io.engine.transport.name, transports.at(-1));
        assert.deepEqual(await client.ask("unsubscribe_logs", { service: "execution" }), [{ data: null }]);
        const [binary] = await client.ask("subscribe_logs", Buffer.from([1, 2, 3]));
        assert.equal(binary.error.code, "bad_request");
        assert.deepEqual(client.all("disconnect"), []);
        client.leave();
        await daemon.idle();
      });
  });

describe("npm's ws", () => {
  for (const perMessageDeflate of [false, true])
    test(`with compression ${perMessageDeflate ? "offered" : "off"}: pieces, control frames, a clean close`, async (t) => {
      const socket = new WebSocket(`${daemon.url.replace("http", "ws")}/?EIO=4&transport=websocket`, { perMessageDeflate });
      t.after(() => socket.terminate());
      const heard = [];
      let wake = () => {};
      socket.on("message", (data) => {
        const text = data.toString();
        if (text === "2") socket.send("3");
        heard.push(text);
        wake();
      });
      const hears = async (start) => {
        for (;;) {
          const found = heard.find((text) => text.startsWith(start));
          if (found) return found;
          await within(`"${start}"`, new Promise((resolve) => (wake = resolve)));
        }
      };
      await hears("0{");
      const packet = `40{"token":"${token}"}`;
      for (let i = 0; i < packet.length; ++i) socket.send(packet[i], { fin: i === packet.length - 1 });
      await hears('42["authenticated"]');
      const pong = new Promise((resolve) => socket.once("pong", resolve));
      socket.ping("hello");
      assert.equal((await within("the pong", pong)).toString(), "hello");
      const large = "x".repeat(200_000);
      socket.send(`427["subscribe_logs",{"service":"${large}"}]`);
      assert.equal(JSON.parse((await hears("437")).slice(3))[0].error.code, "bad_request");
      await hears("2");
      const closed = new Promise((resolve) => socket.once("close", (code) => resolve(code)));
      socket.close(1000, "done");
      assert.equal(await within("the close frame's answer", closed), 1000);
      await daemon.idle();
    });
});

describe("Python", () => {
  async function run(client) {
    const child = spawn("/usr/bin/python3", [python, client, daemon.url], {
      env: { ...process.env, TOKEN: token, LINES_WANTED: String(wanted) },
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (piece) => (out += piece));
    child.stderr.on("data", (piece) => (err += piece));
    try {
      const code = await within(`Python's ${client}`, new Promise((r) => child.on("close", r)), 55_000);
      assert.equal(code, 0, `${err}\n${out.slice(-2000)}`);
    } finally {
      child.kill("SIGKILL");
    }
    const events = out.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    const all = (name) => events.filter((event) => event.name === name).map((event) => event.data);
    assert.ok(all("status_update").length >= 1);
    assert.ok(inOrder(all("log_data").map((data) => data.line)) > 0);
    assert.equal(all("closed").length, 1);
    assert.deepEqual(all("error"), []);
    await daemon.idle();
    return all;
  }
  test("websockets", { timeout: 60_000 }, async () => {
    const all = await run("websockets");
    assert.deepEqual(all("acknowledged"), [[true]]);
    assert.deepEqual(all("closed"), [1000]);
  });
  test("websocket-client", { timeout: 60_000 }, async () => assert.deepEqual((await run("websocket-client"))("pong"), ["hello"]));
  for (const [way, transport] of [["polling", "polling"], ["websocket", "websocket"], ["upgrade", "websocket"]])
    test(`python-socketio: ${way}`, { timeout: 60_000 }, async () => {
      const all = await run(`socketio-${way}`);
      assert.deepEqual(all("acknowledged"), [true]);
      assert.deepEqual(all("transport"), [transport]);
    });
});

describe("Chromium", () => {
  let browser;
  before(async () => (browser = await Browser.start({ hosts: ["pillard.example"] })));
  after(() => browser?.stop());

  test("its own WebSocket", { timeout: 60_000 }, async () => {
    const page = await browser.page(pages.origin("pillard.example"));
    const url = `ws://pillard.example:${daemon.port}/?EIO=4&transport=websocket`;
    const heard = await page.run(watch, url, token, wanted);
    assert.equal(heard.error, undefined);
    assert.ok(inOrder(heard.lines) > 0);
    assert.ok(heard.states >= 1 && heard.pings >= 1);
    assert.deepEqual([heard.code, heard.clean], [1000, true]);
    await page.close();
    await daemon.idle();
  });
  /// A page whose browser has the cookie of a login.
  async function dashboard() {
    const page = await browser.page(pages.origin("pillard.example"));
    const login = { host: node.host, port: node.port, username: node.user, password: node.password };
    assert.equal(await page.run(logIn, `http://pillard.example:${daemon.port}`, login), 200);
    return page;
  }
  test("its own WebSocket at /ws, by the cookie", { timeout: 60_000 }, async () => {
    const page = await dashboard();
    const heard = await page.run(speakJson, `ws://pillard.example:${daemon.port}/ws`, wanted);
    assert.deepEqual(heard.errors, []);
    assert.ok(inOrder(heard.lines) >= wanted);
    assert.ok(heard.states >= 1);
    assert.deepEqual([heard.code, heard.clean], [1000, true]);
    await page.close();
    await daemon.idle();
  });
  test("its own EventSource comes back by itself behind the last line", { timeout: 90_000 }, async (t) => {
    const relay = await Relay.start(t, daemon.port);
    const page = await dashboard();
    await page.run(listen, `http://pillard.example:${relay.port}/api/stream/subscribe_logs?service=execution`);
    const lines = () => page.run(() => window.heard.lines);
    for (let cuts = 0; cuts < 3; ++cuts) {
      const known = (await lines()).length;
      await until("lines over this connection", async () => (await lines()).length > known + wanted, { timeout: 20_000 });
      relay.cut();
    }
    const known = (await lines()).length;
    await until("lines after the last cut", async () => (await lines()).length > known + wanted, { timeout: 20_000 });
    assert.ok(inOrder(await lines()) > 4 * wanted);
    assert.equal(await page.run(() => window.heard.opened), 4);
    await page.run(() => window.stream.close());
    await daemon.idle();
    await page.close();
  });
  test("its own EventSource is told of a stream's end, and stays away", { timeout: 60_000 }, async (t) => {
    const relay = await Relay.start(t, daemon.port);
    const page = await dashboard();
    await page.run(listen, `http://pillard.example:${relay.port}/api/stream/subscribe_logs?service=no-such-client`);
    await until("the browser to give up", () => page.run(() => window.stream.readyState === EventSource.CLOSED));
    const { errors, opened } = await page.run(() => window.heard);
    assert.deepEqual(errors.map(({ code, ended }) => [code, ended]), [["not_found", true]]);
    assert.equal(opened, 1);
    assert.equal(relay.asked("/api/stream/"), 2, "once for the stream, once for the 204");
    await page.close();
    await daemon.idle();
  });
  test("its own EventSource without the cookie, or of another origin, hears nothing", async () => {
    for (const from of [pages.origin("pillard.example"), "about:blank"]) {
      const page = await browser.page(from);
      await page.run(listen, `http://pillard.example:${daemon.port}/api/stream/subscribe_logs?service=execution`);
      await until("the browser to give up", () => page.run(() => window.stream.readyState === EventSource.CLOSED));
      assert.equal(await page.run(() => window.heard.opened), 0);
      await page.close();
    }
  });
  test("a page of another origin gets no WebSocket", async () => {
    const page = await browser.page("about:blank");
    for (const path of ["/?EIO=4&transport=websocket", "/ws"]) {
      const outcome = await page.run(
        (to) => new Promise((resolve) => {
          const socket = new WebSocket(to);
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("refused");
        }),
        `ws://pillard.example:${daemon.port}${path}`,
      );
      assert.equal(outcome, "refused", path);
    }
    await page.close();
  });
});

// These run in the page.
async function logIn(url, login) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${url}/api/ssh/connect`, { method: "POST", credentials: "include", headers, body: JSON.stringify(login) });
  return answer.status;
}
function speakJson(url, count) {
  return new Promise((resolve) => {
    const heard = { lines: [], states: 0, errors: [] };
    const socket = new window.WebSocket(url);
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => {
      send({ type: "subscribe_status", id: 1, params: { interval: 1000 } });
      send({ type: "subscribe_logs", id: 2, params: { service: "execution" }, credit: 1_000_000 });
    };
    socket.onerror = () => heard.errors.push("error");
    socket.onclose = ({ code, wasClean }) => resolve({ ...heard, code, clean: wasClean });
    socket.onmessage = ({ data: text }) => {
      const { type, data, error } = JSON.parse(text);
      if (error) heard.errors.push(error);
      if (type === "status_update") ++heard.states;
      if (type === "log_lines") heard.lines.push(...data.map(({ line }) => line));
      if (heard.states > 0 && heard.lines.length > 2 * count) socket.close(1000);
    };
  });
}
function listen(url) {
  window.heard = { lines: [], errors: [], opened: 0 };
  window.stream = new EventSource(url, { withCredentials: true });
  window.stream.onopen = () => ++window.heard.opened;
  window.stream.addEventListener("log_data", ({ data }) => window.heard.lines.push(JSON.parse(data).line));
  window.stream.addEventListener("error", ({ data }) => data && window.heard.errors.push(JSON.parse(data)));
}
function watch(url, key, count) {
  return new Promise((resolve) => {
    const heard = { lines: [], states: 0, pings: 0 };
    const socket = new window.WebSocket(url);
    socket.onerror = () => (heard.error = "error");
    socket.onclose = ({ code, wasClean }) => resolve({ ...heard, code, clean: wasClean });
    socket.onmessage = ({ data }) => {
      if (data === "2") {
        ++heard.pings;
        socket.send("3");
      }
      if (data.startsWith("0")) socket.send(`40${JSON.stringify({ token: key })}`);
      if (!data.startsWith("42")) return;
      const [name, argument] = JSON.parse(data.slice(2));
      if (name === "authenticated") {
        socket.send('42["subscribe_status",{"interval":1000}]');
        socket.send('42["subscribe_logs",{"service":"execution"}]');
      }
      if (name === "status_update") ++heard.states;
      if (name === "log_data") heard.lines.push(argument.line);
      if (heard.states > 0 && heard.pings > 0 && heard.lines.length >= count) socket.close(1000);
    };
  });
}
