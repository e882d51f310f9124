// Logging in and out over HTTP, and who may ask at all.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { leavesNothing, node } from "./lib/target.mjs";

const frontend = "http://localhost:3000";
const secureFrontend = "https://dashboard.example";
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let daemon;

before(async () => {
  daemon = await Daemon.start({
    set: { "server.origins": `${frontend}, ${secureFrontend}`, "ssh.connect_timeout": 1000, "ssh.linger": 500 },
  });
});
after(() => daemon?.stop());

const failure = (answer, status) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.success, false);
  assert.equal(answer.json.error, "Connection failed");
  assert.deepEqual(answer.cookies, {});
  return answer.json.message;
};

test("the right password answers as the reference did, with both cookies", async () => {
  const answer = await daemon.login();
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers["content-type"], /^application\/json/);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.deepEqual(Object.keys(answer.json).sort(), ["sessionId", "success"]);
  assert.equal(answer.json.success, true);
  assert.match(answer.json.sessionId, uuid4);
  const { ssh_session: cookie, ssh_session_ws: readable } = answer.cookies;
  assert.equal(cookie.value, answer.json.sessionId);
  assert.equal(readable.value, answer.json.sessionId);
  const shared = { path: "/", "max-age": "10200", samesite: "Lax" };
  assert.deepEqual(cookie.attributes, { ...shared, httponly: true });
  assert.deepEqual(readable.attributes, shared);
});

test("a page of another allowed origin gets the token and may read the answer", async () => {
  const answer = await daemon.login({}, { headers: { Origin: frontend } });
  assert.match(answer.json.sessionId, uuid4);
  assert.equal(answer.headers["access-control-allow-origin"], frontend);
  assert.equal(answer.headers["access-control-allow-credentials"], "true");
  assert.match(answer.headers.vary, /Origin/);
  assert.equal(answer.cookies.ssh_session.attributes.secure, undefined);
});

test("a page that the browser sees as https gets Secure cookies", async () => {
  const answer = await daemon.login({}, { headers: { Origin: secureFrontend } });
  assert.equal(answer.cookies.ssh_session.attributes.secure, true);
  assert.equal(answer.cookies.ssh_session_ws.attributes.secure, true);
});

test("a page of the daemon's own address gets the cookies alone", async () => {
  const answer = await daemon.login({}, { headers: { Origin: daemon.url } });
  assert.deepEqual(answer.json, { success: true });
  assert.match(answer.cookies.ssh_session.value, uuid4);
});

test("every login is a session of its own", async () => {
  const [one, other] = [await daemon.login(), await daemon.login()];
  assert.notEqual(one.json.sessionId, other.json.sessionId);
});

test("a wrong password is refused in words that make a dashboard ask again, an unknown user in the same", async () => {
  const [wrong, unknown] = await Promise.all([
    daemon.login({ password: "ThisIsNotIt" }),
    daemon.login({ username: "nobodyhere" }),
  ]);
  assert.match(failure(wrong, 500), /auth/i);
  assert.equal(wrong.json.code, "unauthenticated");
  assert.equal(failure(unknown, 500), wrong.json.message);
});

const bodies = [
  ["without a host", { username: "u", password: "p" }, /host/],
  ["without a user name", { host: "192.0.2.1", password: "p" }, /username/],
  ["without a password", { host: "192.0.2.1", username: "u" }, /password/],
  ["with an empty password", { host: "192.0.2.1", username: "u", password: "" }, /password/],
  ["with a private key in place of a password", { host: "192.0.2.1", username: "u", privateKey: "key" }, /private key/],
  ["with port 0", { host: "192.0.2.1", port: 0, username: "u", password: "p" }, /port/],
  ["with port 65536", { host: "192.0.2.1", port: 65536, username: "u", password: "p" }, /port/],
  ["with a port in words", { host: "192.0.2.1", port: "ssh", username: "u", password: "p" }, /port/],
  ["with a number for a host", { host: 5, username: "u", password: "p" }, /host/],
  ["with a host that is a command", { host: "a; rm -rf /", username: "u", password: "p" }, /host/i],
  ["with a user name of two lines", { host: "192.0.2.1", username: "u\nroot", password: "p" }, /user/i],
  ["that is an array", [], /body/],
  ["that is null", "null", /body/],
  ["that is cut off", '{"host":', /JSON/],
  ["that is nested without end", "[".repeat(30000), /JSON|nest|deep/i],
];
for (const [what, body, words] of bodies)
  test(`a login ${what} is a bad request that says so`, async () => {
    const answer = await daemon.post("/api/ssh/connect", body);
    assert.match(failure(answer, 400), words);
    assert.equal(answer.json.code, "bad_request");
  });

test("a login without a body is a bad request", async () => {
  const answer = await daemon.post("/api/ssh/connect", "");
  failure(answer, 400);
});

test("a form, as a foreign page could post it, is refused before its body is read", async () => {
  for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""]) {
    const answer = await daemon.post("/api/ssh/connect", "{}", { headers: { "Content-Type": type } });
    assert.equal(answer.status, 415, type);
    assert.match(answer.json.message, /application\/json/);
  }
  const charset = await daemon.post("/api/ssh/connect", "{}", {
    headers: { "Content-Type": "Application/JSON; charset=utf-8" },
  });
  assert.equal(charset.status, 400);
});

test("a body beyond the limit is refused by its announced length", async () => {
  const answer = await daemon.post("/api/ssh/connect", JSON.stringify({ host: "x".repeat(70_000) }));
  assert.equal(answer.status, 413);
  assert.match(answer.json.message, /too large/);
});

test("a GET of the login says what it takes", async () => {
  const answer = await daemon.get("/api/ssh/connect");
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.allow, "POST");
  assert.match(answer.json.message, /POST/);
});

test("there is nothing at other addresses", async () => {
  assert.equal((await daemon.post("/api/ssh/elsewhere", {})).status, 404);
  assert.equal((await daemon.get("/elsewhere")).status, 404);
});

test("a port at which nothing listens is told", async () => {
  const answer = await daemon.login({ port: 1 });
  assert.match(failure(answer, 500), /refused/i);
  assert.match(answer.json.message, new RegExp(node.host.replaceAll(".", "\\.")));
  assert.equal(answer.json.code, "disconnected");
});

test("a node that does not answer is given up in time", async () => {
  const begun = Date.now();
  const answer = await daemon.login({ host: "192.0.2.77" });
  assert.match(failure(answer, 500), /Timeout|No route|does not answer/);
  assert.match(answer.json.code, /^(timeout|disconnected)$/);
  assert.ok(Date.now() - begun < 8000);
});

test("a name that DNS does not know is told", async () => {
  const answer = await daemon.login({ host: "no-such-node.invalid" });
  assert.match(failure(answer, 500), /DNS/);
  assert.match(answer.json.message, /no-such-node\.invalid/);
});

test("addresses that nodes may not have are refused without a packet", async () => {
  for (const host of ["127.0.0.2", "::1", "[::1]", "169.254.169.254", "0.0.0.0", "::ffff:127.0.0.2", "fe80::1"]) {
    const before = await daemon.metric("pillard_ssh_logins_total");
    const answer = await daemon.login({ host });
    assert.match(failure(answer, 500), /allow|refused|permitted|loopback|link-local/i, host);
    assert.equal(answer.json.code, "access_denied", host);
    assert.equal(await daemon.metric("pillard_ssh_logins_total"), before, host);
  }
});

test("attempts of one address are limited, with the time to wait", async () => {
  const attempt = (from, n) =>
    daemon.post(
      "/api/ssh/connect",
      { host: "127.0.0.3", username: `user${n}`, password: "p" },
      { from },
    );
  for (let n = 0; n < 10; ++n) assert.equal((await attempt("127.0.2.1", n)).status, 500);
  const answer = await attempt("127.0.2.1", 10);
  assert.match(failure(answer, 429), /^Too many login attempts\. Try again in \d+ seconds?\.$/);
  assert.equal(answer.json.code, "overloaded");
  const wait = Number(answer.headers["retry-after"]);
  assert.ok(wait >= 1 && wait <= 6, `Retry-After: ${wait}`);
  assert.equal((await attempt("127.0.2.2", 11)).status, 500, "another address is served");
});

test("failures of one account are limited, whoever tries", async () => {
  const attempt = (n) =>
    daemon.post(
      "/api/ssh/connect",
      { host: "127.0.0.4", username: "victim", password: `guess${n}` },
      { from: `127.0.3.${n + 1}` },
    );
  for (let n = 0; n < 5; ++n) assert.equal((await attempt(n)).status, 500);
  const answer = await attempt(5);
  assert.match(failure(answer, 429), /for this node/);
  assert.ok(Number(answer.headers["retry-after"]) >= 1);
});

test("a logout takes the cookies, the session and its live sockets", async (t) => {
  const token = (await daemon.login()).json.sessionId;
  const clients = [1, 2].map(() => Client.of(t, daemon, { token, reconnection: false }));
  for (const client of clients) await client.until("authenticated");
  clients[0].emit("subscribe_status", { interval: 1000 });
  await clients[0].until("status_update");

  const headers = { Cookie: `ssh_session=${token}` };
  const answer = await daemon.post("/api/ssh/disconnect", {}, { headers });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { success: true });
  for (const name of ["ssh_session", "ssh_session_ws"]) {
    assert.equal(answer.cookies[name].value, "");
    assert.equal(answer.cookies[name].attributes["max-age"], "0");
    assert.equal(answer.cookies[name].attributes.path, "/");
  }
  for (const client of clients) {
    assert.match((await client.until("error")).message, /Invalid or expired session/);
    assert.equal(await client.until("disconnect"), "io server disconnect");
  }
  const again = await daemon.post("/api/ssh/disconnect", {}, { headers });
  assert.equal(again.status, 401);
  assert.match(again.json.message, /over already/);
  const late = Client.of(t, daemon, { token, reconnection: false });
  assert.equal(await late.until("connect_error"), "Authentication error: Invalid or expired session.");
});

test("a logout without a session is a 401 in words", async () => {
  for (const headers of [{}, { Cookie: "ssh_session=nonsense" }, { Cookie: "other=1" }]) {
    const answer = await daemon.post("/api/ssh/disconnect", {}, { headers });
    assert.equal(answer.status, 401);
    assert.match(answer.json.message, /Not authenticated/);
  }
});

test("a preflight of an allowed origin is granted", async () => {
  const { port } = daemon;
  const answer = await new Promise((resolve, reject) => {
    http
      .request({
        host: "127.0.0.1",
        port,
        method: "OPTIONS",
        path: "/api/ssh/connect",
        headers: {
          Origin: frontend,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "content-type",
        },
      })
      .on("response", (response) => resolve(response.resume()))
      .on("error", reject)
      .end();
  });
  assert.equal(answer.statusCode, 204);
  assert.equal(answer.headers["access-control-allow-origin"], frontend);
  assert.equal(answer.headers["access-control-allow-credentials"], "true");
  assert.match(answer.headers["access-control-allow-methods"], /POST/);
  assert.equal(answer.headers["access-control-allow-headers"], "content-type");
});

test("pages of any other origin are refused, and may not read why", async () => {
  const lookalike = "http://localhost:3000.evil.example";
  for (const origin of ["https://evil.example", "null", lookalike, "http://localhost:3001"]) {
    for (const path of ["/api/ssh/connect", "/api/ssh/disconnect"]) {
      const answer = await daemon.post(path, {}, { headers: { Origin: origin } });
      assert.equal(answer.status, 403, origin);
      assert.match(answer.json.message, /origin/i);
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
    }
    const preflight = await daemon.get("/", { headers: { Origin: origin } });
    assert.equal(preflight.headers["access-control-allow-origin"], undefined);
  }
});

test("a socket of any other origin is refused before it stands", async (t) => {
  const client = Client.of(t, daemon, {
    reconnection: false,
    transports: ["websocket"],
    extraHeaders: { origin: "https://evil.example" },
  });
  await client.until("connect_error");
  const allowed = Client.of(t, daemon, { extraHeaders: { origin: frontend } });
  await allowed.until("connect");
});

test("a name that an attacker lets point here is refused by its Host", async (t) => {
  const answer = await daemon.post("/api/ssh/connect", {}, { headers: { Host: `evil.example:${daemon.port}` } });
  assert.equal(answer.status, 403);
  assert.match(answer.json.message, /host name/);
  const client = Client.of(t, daemon, { reconnection: false, extraHeaders: { host: "evil.example" } });
  await client.until("connect_error");
});

test("a client that leaves while its login is under way leaves nothing on the node", async () => {
  const aborts = [5, 40, 120, 250].map(async (ms) => {
    const controller = new AbortController();
    const login = daemon.login({}, { signal: controller.signal });
    setTimeout(() => controller.abort(), ms);
    await login.catch(() => {});
  });
  await Promise.all(aborts);
  await daemon.idle();
  await leavesNothing(node.user);
});
