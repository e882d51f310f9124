// A dashboard on another site than pillard's, in a real browser: no cookie is sent along, and the token alone does. And
// one on the same site, where the cookie does.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Browser, Pages } from "./lib/browser.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { node } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const own = "pillard.example";
const other = "dashboard.test";
const sibling = `app.${own}`;
let browser;
let pages;
let daemon;
let url;

before(async () => {
  pages = await Pages.start();
  const origins = [pages.origin(other), pages.origin(sibling), `http://${own}`];
  daemon = await Daemon.start({ set: { "server.reactors": 2, "server.origins": origins.join(", "), "engine.ping_interval": 500 } });
  url = `http://${own}:${daemon.port}`;
  browser = await Browser.start({ hosts: [own, sibling, other, "evil.test"] });
});
after(async () => {
  await browser?.stop();
  await daemon?.stop();
  await pages?.stop();
});

// These run in the page.
const post = async (to, path, body, headers = {}) => {
  const answer = await fetch(to + path, {
    method: "POST",
    credentials: "include",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, json: await answer.json() };
};
/// Joins and subscribes; what came by the first state and line, or by the refusal.
const join = (to, transports, auth) =>
  new Promise((resolve) => {
    const heard = { events: [], transport: "" };
    const options = { path: "/", addTrailingSlash: false, transports, withCredentials: true, auth, forceNew: true, reconnection: false };
    const socket = window.io(to, options);
    window.sockets = [...(window.sockets ?? []), socket];
    const note = (name, data) => {
      heard.events.push(name);
      heard.transport = socket.io.engine?.transport.name;
      const full = ["status_update", "log_data"].every((one) => heard.events.includes(one));
      if ((full && heard.transport === transports.at(-1)) || name === "connect_error") resolve(heard);
      if (name === "error") resolve({ ...heard, error: data });
    };
    socket.onAny(note);
    socket.on("connect_error", (error) => note("connect_error", (heard.refusal = error.message)));
    socket.on("connect", () => {
      socket.emit("subscribe_status", { interval: 1000 });
      socket.emit("subscribe_logs", { service: "execution" });
    });
    socket.on("disconnect", (reason) => (window.reason = reason));
  });
const leave = () => window.sockets?.forEach((socket) => socket.disconnect());

const login = (page) =>
  page.run(post, url, "/api/ssh/connect", { host: node.host, port: node.port, username: node.user, password: node.password });
const ways = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

describe("a dashboard on another site", () => {
  let page;
  let token;
  before(async () => {
    page = await browser.page(pages.origin(other));
    const answer = await login(page);
    assert.equal(answer.status, 200, JSON.stringify(answer));
    token = answer.json.sessionId;
    assert.match(token, /^[0-9a-f-]{36}$/);
  });
  after(() => page?.close());

  test("is sent no cookie that comes back", async () => {
    const answer = await page.run(post, url, "/api/ssh/disconnect", {});
    assert.deepEqual([answer.status, answer.json.message], [401, "Not authenticated: there is no session to end."]);
    assert.equal(await page.run(() => document.cookie), "");
  });
  for (const [way, transports] of Object.entries(ways)) {
    test(`works by auth.token alone: ${way}`, { timeout: 60_000 }, async () => {
      const heard = await page.run(join, url, transports, { token });
      assert.equal(heard.refusal ?? heard.error, undefined, JSON.stringify(heard));
      assert.equal(heard.events[0], "authenticated");
      assert.equal(heard.transport, transports.at(-1));
      await page.run(leave);
      await daemon.idle();
    });
    test(`is nobody without it: ${way}`, async () => {
      const heard = await page.run(join, url, transports, {});
      assert.equal(heard.error?.code, "unauthenticated");
      assert.equal(heard.error.message, "Not authenticated.");
      await page.run(leave);
    });
  }
  test("a token that is wrong is refused in the old server's words", async () => {
    const heard = await page.run(join, url, ["websocket"], { token: "wrong" });
    assert.equal(heard.refusal, "Authentication error: Invalid or expired session.");
    await page.run(leave);
  });
  test("logs out by the token, which ends its sockets", { timeout: 60_000 }, async () => {
    assert.equal((await page.run(join, url, ["websocket"], { token })).events[0], "authenticated");
    const answer = await page.run(post, url, "/api/ssh/disconnect", {}, { Authorization: `Bearer ${token}` });
    assert.deepEqual(answer, { status: 200, json: { success: true } });
    await until("the socket's end", () => page.run(() => window.reason === "io server disconnect"));
    await daemon.idle();
  });
});

describe("a dashboard on the same site", () => {
  test("works by the cookie alone", { timeout: 60_000 }, async () => {
    const page = await browser.page(pages.origin(sibling));
    assert.equal((await login(page)).status, 200);
    for (const transports of Object.values(ways)) {
      const heard = await page.run(join, url, transports, {});
      assert.equal(heard.refusal ?? heard.error, undefined, JSON.stringify(heard));
      assert.equal(heard.events[0], "authenticated");
      await page.run(leave);
    }
    assert.equal((await page.run(post, url, "/api/ssh/disconnect", {})).status, 200);
    await page.close();
    await daemon.idle();
  });
});

describe("a page that is not among the origins", () => {
  test("reads nothing and opens nothing", async () => {
    const page = await browser.page(pages.origin("evil.test"));
    const outcome = await page.run(async (to) => {
      const tried = (promise) => promise.then(() => "done", (error) => error.name);
      return {
        get: await tried(fetch(`${to}/?EIO=4&transport=polling`, { credentials: "include" })),
        post: await tried(fetch(`${to}/api/ssh/disconnect`, { method: "POST", credentials: "include" })),
        socket: await new Promise((resolve) => {
          const socket = new WebSocket(`${to.replace("http", "ws")}/?EIO=4&transport=websocket`);
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("refused");
        }),
      };
    }, url);
    assert.deepEqual(outcome, { get: "TypeError", post: "TypeError", socket: "refused" });
    await page.close();
    await daemon.idle();
  });
});
