// Clients, the node and Redis come and go in disorder for a minute, or PILLARD_SOAK_SECONDS. Meanwhile two neighbours
// who do nothing but watch lose no line and get none twice; afterwards nothing at all is left. PILLARD_SOAK_SEED repeats
// the order of an earlier run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { footprint } from "./lib/process.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { Redis } from "./lib/redis.mjs";
import { freeze, hasLink, journal, leavesNothing, link, node, onNode, ordinary, set, tidy } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const seconds = Number(process.env.PILLARD_SOAK_SECONDS || 60);
const seed = Number(process.env.PILLARD_SOAK_SEED || Date.now() % 2 ** 32);
console.log(`soak: ${seconds} s, PILLARD_SOAK_SEED=${seed}`);

const users = [node.user, node.reader];
const services = ["execution", "consensus", "validator", "mevboost"];
const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let redis;
let daemon;
let base;
let began;
let ending = false;

/// Numbers in [0, 1) that depend on the seed alone, for each actor its own (mulberry32).
function dice(actor) {
  let state = (seed ^ Math.imul(actor + 1, 0x9e3779b9)) >>> 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (n) => Math.floor(roll() * n),
    between: (from, to) => from + roll() * (to - from),
    pick: (list) => list[Math.floor(roll() * list.length)],
  };
}

before(async () => {
  redis = await Redis.start();
  daemon = await Daemon.start({
    set: { "ssh.linger": 500, "engine.ping_interval": 2000, "log.level": "info" },
    environment: { REDIS_URL: redis.url, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ""}:quarantine_size_mb=4` },
  });
  await until("Redis", async () => (await daemon.get("/readyz")).status === 200);
  began = Date.now();
  await set("execution", { ...ordinary, NUMBERED: 1, RATE: 20 });
});
after(async () => {
  if (hasLink) await link("up").catch(() => {});
  await freeze("off").catch(() => {});
  await onNode("systemctl", "start", "ssh").catch(() => {});
  try {
    await tidy("execution");
  } finally {
    await daemon?.stop();
    await redis?.stop();
  }
});

/// Whether the node's journal itself has a line twice: journald may write one again when it is started anew.
async function isTwiceInJournal(line) {
  const since = `@${Math.floor(began / 1000)}`;
  const text = await onNode("journalctl", "-u", "execution", "--since", since, "-o", "cat", "--no-pager", "--all");
  const times = text.split("\n").filter((one) => one === line).length;
  console.log(`soak: ${line} came twice; the journal has it ${times} times`);
  return times === 2;
}

/// The numbers of these log_data are one after another.
async function unbroken(lines, what) {
  const numbered = lines.filter(({ line }) => /^numbered \d+$/.test(line));
  const number = ({ line }) => Number(line.slice("numbered ".length));
  for (let i = 1; i < numbered.length; ++i) {
    const [before, now] = [numbered[i - 1], numbered[i]];
    if (number(now) === number(before) + 1) continue;
    if (now.line === before.line && now.cursor !== before.cursor && (await isTwiceInJournal(now.line))) continue;
    const around = numbered.slice(Math.max(0, i - 3), i + 3).map(({ line, cursor }) => `${line}, ${cursor}`);
    throw new Error(`${what}, near ${new Date(now.timestamp).toISOString()}:\n${around.join("\n")}`);
  }
  return numbered;
}

async function neighbour(user) {
  const client = new Client(daemon, { token: await daemon.session(user), reconnection: false });
  await client.until("authenticated");
  client.emit("subscribe_status", { interval: 1000 });
  client.emit("subscribe_logs", { service: "execution" });
  await client.until("status_update");
  await client.until("log_data");
  return client;
}

async function idle() {
  await daemon.idle();
  for (const user of users) await leavesNothing(user, 45_000);
}

// --- those who come and go ------------------------------------------------------------------------------------------

/// Whether it has been let in; while Redis is away it may not be.
async function admitted(client) {
  const named = (name) => client.all(name).length > 0;
  await until("an answer to CONNECT", () => named("authenticated") || named("connect_error"), { timeout: 15_000 });
  const [refusal] = client.all("connect_error");
  if (refusal) assert.match(refusal, /Server error during validation/);
  return !refusal;
}

/// Subscribes to this and that, and leaves in one way or another.
async function visitor(chance) {
  const client = new Client(daemon, { token: await daemon.session(chance.pick(users)), reconnection: false });
  try {
    const admission = await admitted(client);
    for (let i = admission ? chance.below(8) : 0; i > 0; --i) {
      const service = chance.pick([...services, "nosuchclient"]);
      const [event, params] = chance.pick([
        ["subscribe_status", { interval: chance.between(0, 3000) }],
        ["subscribe_logs", { service }],
        ["subscribe_logs", { service }],
        ["unsubscribe_logs", { service }],
        ["unsubscribe_status"],
        ["nothing", {}],
      ]);
      client.emit(event, ...(params ? [params] : []));
      await tick(chance.between(0, 200));
    }
    if (chance.below(3) === 0) client.socket.io.engine?.transport.ws?.terminate?.();
  } finally {
    client.leave();
  }
}

/// Says half of something and is gone.
async function rude(chance) {
  const raw = RawSocket.open({ after: () => {} }, daemon);
  try {
    const sayings = [
      () => raw.write(Buffer.from(Array.from({ length: chance.below(200) }, () => chance.below(256)))),
      () => raw.write("POST /api/ssh/connect HTTP/1.1\r\nHost: localhost\r\nContent-Le"),
      () => raw.upgrade(),
      async () => {
        await raw.session();
        raw.packet("40");
        raw.write(Buffer.from([0x81, 0xfe, 0x01]));
      },
      async () => {
        await raw.session({ headers: { Cookie: `ssh_session=${await daemon.session(chance.pick(users))}` } });
        raw.packet("40");
        raw.packet('42["subscribe_logs",{"service":"consensus"}]');
        raw.packet('42["subscribe_status",{"interval":0}]');
        raw.write(Buffer.from([0x81, 0x85, 1, 2, 3]));
      },
    ];
    await chance.pick(sayings)();
    await tick(chance.between(0, 100));
  } finally {
    if (chance.below(2)) raw.socket.resetAndDestroy();
    else raw.destroy();
  }
}

/// Reads numbered lines, leaves in the middle, comes back with the cursor of the last one, and misses none.
const resumed = { lines: [], cursor: undefined, gaps: 0 };
async function returner(chance) {
  const client = new Client(daemon, { token: await daemon.session(node.user), reconnection: false });
  try {
    if (!(await admitted(client))) return;
    client.emit("subscribe_logs", { service: "execution", ...(resumed.cursor && { cursor: resumed.cursor }) });
    await tick(chance.between(100, 3000));
  } finally {
    const lines = client.all("log_data");
    client.leave();
    // That lines may be missing must be said; then counting begins anew.
    if (client.all("error").some(({ message }) => /missing/.test(message))) {
      ++resumed.gaps;
      resumed.lines.length = 0;
    }
    resumed.lines.push(...lines);
    resumed.cursor = lines.at(-1)?.cursor ?? resumed.cursor;
    await unbroken(resumed.lines, "who came back");
  }
}

/// Logs in, watches, logs out: that ends its connection. A node that is away refuses the login in words.
async function member(chance) {
  const answer = await daemon.login({ username: chance.pick(users) });
  if (answer.status !== 200) {
    assert.ok([429, 500, 503].includes(answer.status) && answer.json.message, answer.text);
    return tick(2000);
  }
  const token = answer.cookies.ssh_session.value;
  const client = new Client(daemon, { token, reconnection: false });
  try {
    if (!(await admitted(client))) return;
    client.emit("subscribe_status", { interval: 1000 });
    await tick(chance.between(0, 1000));
    const logout = await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${token}` } });
    if (logout.status === 200) await client.until("disconnect", undefined, { timeout: 5000 });
  } finally {
    client.leave();
  }
  return tick(chance.between(1000, 5000));
}

/// What happens to the node. It is well again when each returns.
const cut = (user) => onNode("pkill", "-KILL", "-f", `^sshd: ${user}@`).catch(() => {});
const misfortunes = {
  "its connections cut": () => Promise.all(users.map(cut)),
  "one connection cut": () => cut(node.reader),
  "its sshd away": async (chance) => {
    await onNode("systemctl", "stop", "ssh");
    await Promise.all(users.map(cut));
    await tick(chance.between(200, 4000));
    await onNode("systemctl", "start", "ssh");
  },
  "its sshd restarted": () => onNode("systemctl", "restart", "ssh"),
  "its journal restarted": () => onNode("systemctl", "restart", "systemd-journald"),
  "frozen": async (chance) => {
    await freeze("on");
    await tick(chance.between(200, 4000));
    await freeze("off");
  },
  ...(hasLink && {
    "its link cut": async (chance) => {
      await link("down");
      await tick(chance.between(200, 6000));
      await link("up");
    },
  }),
};
async function weather(chance) {
  const [what, befall] = chance.pick(Object.entries(misfortunes));
  console.log(`soak: the node: ${what}`);
  await befall(chance);
  await tick(chance.between(2000, 8000));
}

/// What happens to Redis. What it was told before is there again afterwards.
async function outage(chance) {
  await tick(chance.between(3000, 10_000));
  if (chance.below(2)) {
    console.log("soak: Redis: frozen");
    redis.freeze();
    await tick(chance.between(200, 5000));
    redis.thaw();
  } else {
    console.log("soak: Redis: killed");
    await redis.ask("SAVE");
    await redis.kill();
    await tick(chance.between(200, 3000));
    await redis.launch();
  }
}

/// Runs an actor again and again until the soak ends.
async function kept(act, number) {
  const chance = dice(number);
  for (let times = 0; ; ++times) {
    if (ending) return times;
    await act(chance).catch((error) => {
      throw new Error(`${act.name} ${number}: ${error.message}`, { cause: error });
    });
    await tick(chance.between(0, 150));
  }
}

test("a round of everything, to have a base to come back to", async () => {
  const clients = await Promise.all(users.map(neighbour));
  for (let i = 0; i < 4; ++i) await Promise.all([visitor, rude, returner].map((act, n) => act(dice(100 + 10 * i + n))));
  for (const client of clients) client.leave();
  await idle();
  base = await footprint(daemon);
});

test("in all the disorder two neighbours lose no line and get none twice", { timeout: (seconds + 200) * 1000 }, async (t) => {
  const neighbours = await Promise.all(users.map(neighbour));
  t.after(() => neighbours.forEach((client) => client.leave()));
  const actors = [visitor, visitor, visitor, visitor, rude, rude, returner, member, weather, outage];
  const acting = actors.map(kept);
  const broken = Promise.all(acting).then(() => null, (error) => error);
  const error = await Promise.race([broken, tick(seconds * 1000)]);
  ending = true;
  assert.ifError(error);
  const times = await Promise.all(acting);
  console.log(`soak: ${actors.map((act, i) => `${act.name} ${times[i]}`).join(", ")}; ${resumed.gaps} gaps told`);

  // All is well again: Redis is seen, updates come, and then every line that was written is there.
  await until("Redis", async () => (await daemon.get("/readyz")).status === 200, { timeout: 30_000 });
  for (const client of neighbours) {
    client.events = client.events.filter(({ name }) => name !== "status_update");
    await client.until("status_update", undefined, { timeout: 60_000 });
  }
  const until20 = neighbours.map((client) => client.lines("execution").length + 20);
  for (const [i, client] of neighbours.entries())
    await until("lines to come again", () => client.lines("execution").length > until20[i], { timeout: 60_000 });
  await set("execution", { RATE: 0 });
  await tick(1000);
  const [last] = await journal("execution", 1);
  for (const client of neighbours) {
    await client.until("log_data", ({ line }) => line === last, { timeout: 20_000 });
    const lines = await unbroken(client.all("log_data"), "a neighbour");
    assert.ok(lines.length > 15 * seconds);
    assert.deepEqual(client.all("disconnect"), []);
    for (const name of ["log_gap", "stream_gap"]) assert.deepEqual(client.all(name), []);
    for (const { ended, message } of client.all("error")) {
      assert.notEqual(ended, true, message);
      assert.doesNotMatch(message, /auth|missing/i);
    }
  }
});

test("afterwards descriptors, threads, memory, channels and the node's processes are back at their base", async () => {
  await idle();
  for (const what of ["ssh_channels", "subscriptions", "topics"]) assert.equal(await daemon.metric(`pillard_${what}`), 0);
  let now;
  await until("the descriptors to be back", async () => (now = await footprint(daemon)).descriptors <= base.descriptors)
    .catch((error) => {
      throw new Error(`${error.message}: ${base.descriptors} before, now ${JSON.stringify(now)}`);
    });
  const grown = now.resident - base.resident;
  console.log(`soak: ${base.resident >> 20} MiB before, ${now.resident >> 20} MiB now`);
  assert.ok(grown < 48 << 20, `${base.resident >> 20} MiB before, ${now.resident >> 20} MiB now`);
  assert.ok(now.threads <= base.threads + 4, `${base.threads} threads before, ${now.threads} now`);
});

test("nothing that happened was an error of the daemon", () => {
  const errors = daemon.log.split("\n").filter((line) => /^\S+ +error\b|"level":"error"/i.test(line));
  assert.deepEqual(errors, []);
});
