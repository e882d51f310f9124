// Logging in with a private key, and what Redis is given to keep of it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { configuration, Daemon, runOnce } from "./lib/daemon.mjs";
import { key, oldRecord, Redis } from "./lib/redis.mjs";
import { node, onNode } from "./lib/target.mjs";

const passphrase = "open-sesame-4711";
let daemon, directory, plain, locked, stranger;

function makeKey(name, ...options) {
  const file = join(directory, name);
  execFileSync("ssh-keygen", ["-q", "-C", "keys-test", "-f", file, ...options]);
  return { secret: readFileSync(file, "utf8"), open: readFileSync(`${file}.pub`, "utf8") };
}
function makeSealKey(name) {
  const file = join(directory, name);
  writeFileSync(file, `${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex")}\n`, { mode: 0o600 });
  return file;
}
const authorized = `/home/${node.user}/.ssh/authorized_keys`;
const withKey = ({ secret }, fields) => ({ password: undefined, privateKey: secret, ...fields });

/// No eight bytes of the key's lines, nor the passphrase.
function keepsKeys(text) {
  assert.ok(!text.includes(passphrase));
  for (const { secret } of [plain, locked])
    for (const line of secret.split("\n").slice(1, -2))
      for (let at = 0; at + 16 <= line.length; at += 8) assert.ok(!text.includes(line.slice(at, at + 16)), "a key is told");
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "pillard-keys-"));
  plain = makeKey("plain", "-t", "ed25519", "-N", "");
  locked = makeKey("locked", "-t", "ecdsa", "-b", "384", "-N", passphrase);
  stranger = makeKey("stranger", "-t", "ed25519", "-N", "");
  await onNode("sh", "-c", 'printf %s "$1" >> "$2"', "sh", plain.open + locked.open, authorized);
  daemon = await Daemon.start();
});
after(async () => {
  try {
    await daemon?.stop();
    keepsKeys(daemon?.log ?? "");
  } finally {
    await onNode("sed", "-i", "/ keys-test$/d", authorized);
    rmSync(directory, { recursive: true, force: true });
  }
});

async function status(t, from, answer) {
  assert.equal(answer.status, 200, answer.text);
  const client = Client.of(t, from, { token: answer.cookies.ssh_session.value });
  await client.until("authenticated");
  client.emit("subscribe_status", {});
  const update = await client.until("status_update");
  assert.ok(update.some(({ service }) => service === "execution"));
}
function refused(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.code, code);
  assert.deepEqual(answer.cookies, {});
  keepsKeys(answer.text);
  return answer.json.message;
}

test("a key logs in and shows the node's status", async (t) => {
  await status(t, daemon, await daemon.login(withKey(plain)));
});

test("a key with its passphrase logs in, whatever else the form sends along", async (t) => {
  const fields = { passphrase, password: "", authMethod: "privateKey" };
  await status(t, daemon, await daemon.login(withKey(locked, fields)));
});

test("a wrong passphrase, a missing one and an unknown key are told apart", async () => {
  const wrong = refused(await daemon.login(withKey(locked, { passphrase: "barley" })), 500, "unauthenticated");
  const missing = refused(await daemon.login(withKey(locked)), 400, "bad_request");
  const unknown = refused(await daemon.login(withKey(stranger)), 500, "unauthenticated");
  assert.match(wrong, /auth.*passphrase does not open/i);
  assert.match(missing, /auth.*protected by a passphrase/i);
  assert.match(unknown, /auth.*refused this user name or private key/i);
});

test("what is no private key is a bad request that says what to do", async () => {
  assert.match(refused(await daemon.login(withKey({ secret: plain.open })), 400, "bad_request"), /public key/);
  const ppk = "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n";
  assert.match(refused(await daemon.login(withKey({ secret: ppk })), 400, "bad_request"), /PuTTYgen/);
  const half = plain.secret.slice(0, 150);
  assert.match(refused(await daemon.login(withKey({ secret: half })), 400, "bad_request"), /whole file/);
});

test("the check of the configuration looks at the key file", async () => {
  const check = (file) => runOnce(["--config", configuration, "--set", `session.seal_key=${file}`, "--check-config"]);
  const file = makeSealKey("checked.key");
  assert.equal((await check(file)).code, 0);
  chmodSync(file, 0o644);
  const open = await check(file);
  assert.notEqual(open.code, 0);
  assert.match(open.err, /session\.seal_key: .*chmod 600/);
  const missing = await check(join(directory, "none.key"));
  assert.match(missing.err, /session\.seal_key: .*No such file.*openssl rand/);
  writeFileSync(file, "not a key\n", { mode: 0o600 });
  chmodSync(file, 0o600);
  assert.match((await check(file)).err, /session\.seal_key: .*line 1 is no key/);
});

test("without a key file Redis gets passwords as before, and no key", async (t) => {
  const redis = await Redis.start();
  t.after(() => redis.stop());
  const own = await Daemon.start({ set: { "redis.url": redis.url } });
  try {
    const message = refused(await own.login(withKey(plain)), 500, "unsupported");
    assert.match(message, /session\.seal_key/);
    await own.said(/warning router: .*session\.seal_key/);
    const answer = await own.login();
    const record = JSON.parse(await redis.ask("GET", key(answer.cookies.ssh_session.value)));
    assert.deepEqual(Object.keys(record), ["host", "username", "password", "port", "lastAccessed"]);
    assert.equal(record.password, node.password);
  } finally {
    await own.stop();
  }
});

test("with a key file Redis gets keys and passwords sealed, for every daemon that has the file", async (t) => {
  const redis = await Redis.start();
  t.after(() => redis.stop());
  const set = { "redis.url": redis.url, "session.seal_key": makeSealKey("shared.key") };
  const one = await Daemon.start({ set });
  let other;
  try {
    const byKey = await one.login(withKey(locked, { passphrase }));
    const byPassword = await one.login();
    for (const answer of [byKey, byPassword]) {
      assert.equal(answer.status, 200, answer.text);
      const text = await redis.ask("GET", key(answer.cookies.ssh_session.value));
      assert.deepEqual(Object.keys(JSON.parse(text)), ["host", "username", "port", "lastAccessed", "sealed"]);
      assert.ok(!text.includes(node.password));
      keepsKeys(text);
    }
    other = await Daemon.start({ set });
    await status(t, other, byKey);
    await status(t, other, byPassword);
    // A record of the old server's, which knows of no sealing.
    const token = crypto.randomUUID();
    await redis.ask("SET", key(token), oldRecord(node), "EX", "600");
    await status(t, other, { status: 200, cookies: { ssh_session: { value: token } } });
  } finally {
    await one.stop();
    await other?.stop();
  }
});

test("a record that was moved to another session, or sealed with another key, is no session", async (t) => {
  const redis = await Redis.start();
  t.after(() => redis.stop());
  const one = await Daemon.start({ set: { "redis.url": redis.url, "session.seal_key": makeSealKey("one.key") } });
  let other;
  try {
    const { value: token } = (await one.login()).cookies.ssh_session;
    const moved = crypto.randomUUID();
    await redis.ask("SET", key(moved), await redis.ask("GET", key(token)), "EX", "600");
    const rejects = async (from, which) => {
      const client = Client.of(t, from, { token: which });
      assert.match(await client.until("connect_error"), /Invalid or expired session/);
      client.leave();
    };
    await rejects(one, moved);
    other = await Daemon.start({ set: { "redis.url": redis.url, "session.seal_key": makeSealKey("other.key") } });
    await rejects(other, token);
  } finally {
    await one.stop();
    await other?.stop();
  }
});
