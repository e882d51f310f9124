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
import { ordinary, set, tidy } from "./lib/target.mjs";
import { within } from "./lib/wait.mjs";

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
  test("a page of another origin gets no WebSocket", async () => {
    const page = await browser.page("about:blank");
    const outcome = await page.run(
      (to) => new Promise((resolve) => {
        const socket = new WebSocket(to);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      }),
      `ws://pillard.example:${daemon.port}/?EIO=4&transport=websocket`,
    );
    assert.equal(outcome, "refused");
    await page.close();
  });
});

/// In the page.
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
