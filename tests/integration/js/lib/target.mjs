// The machine that the daemon is tested against, seen from within: tests/target/target has put it up.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

import { until } from "./wait.mjs";

const run = promisify(execFile);
const script = process.env.PILLARD_TARGET;
const directory = process.env.PILLARD_TARGET_DIR;
if (!script || !directory || !process.env.PILLARD_TARGET_ENV)
  throw new Error("PILLARD_TARGET, PILLARD_TARGET_DIR and PILLARD_TARGET_ENV are not set; ./dev test does");

const settings = Object.fromEntries(
  readFileSync(process.env.PILLARD_TARGET_ENV, "utf8")
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
);

/// One password for all: ethnode (sudo), reader (may read the journal), plain (neither).
export const node = {
  host: settings.TARGET_HOST,
  port: Number(settings.TARGET_PORT),
  password: settings.TARGET_PASSWORD,
  user: settings.TARGET_USER,
  reader: settings.TARGET_READER,
  plain: settings.TARGET_PLAIN,
};

async function target(verb, ...args) {
  const { stdout } = await run(script, [verb, directory, ...args], {
    env: { ...process.env, TARGET_QUIET: "1" },
    maxBuffer: 1 << 26,
    timeout: 60_000,
  });
  return stdout;
}

/// The standard output of a command that runs on the node as root.
export const onNode = (...command) => target("exec", ...command);

/// Changes how a unit behaves: set("execution", { RATE: 200 }). It takes hold within a quarter of a second.
export const set = (unit, changes) =>
  target("set", unit, ...Object.entries(changes).map(([key, value]) => `${key}=${value}`));

/// Cuts its network, link("down"), or restores it, link("up"). Where it shares the caller's there is none to cut.
export const link = (state) => target("link", state);
export const hasLink = settings.TARGET_NETWORK === "veth";

/// Stops every process of it, freeze("on"), as a machine does that hangs, and lets them go on, freeze("off").
export const freeze = (state) => target("freeze", state);

/// What befalls a machine: fault("link", "down"), fault("freeze", "on"), fault("sshd", "restart"), fault("cut", user),
/// fault("passwd", user, password), fault("reboot"), fault("disk", "full"); the script says what each does.
export const fault = (verb, ...args) => target(verb, ...args);

/// How a unit is left behind for the next test.
export const ordinary = { RATE: 2, NUMBERED: 0, PAD: 0, RAW: "", LONG: 0, ANSI: 0, CRASH: 0 };

/// The newest lines of a unit's journal, as journald has them.
export async function journal(service, lines) {
  const text = await onNode("journalctl", "-u", service, "-n", String(lines), "-o", "cat", "--no-pager", "--all");
  return text.split("\n").slice(0, -1);
}

/// Makes a unit stop writing, with `lines` or more in its journal, and waits until the journal has all of it.
export async function hush(service, lines = 60) {
  await set(service, { RATE: 200 });
  await until(`${lines} lines of ${service}`, async () => (await journal(service, lines)).length >= lines);
  await set(service, { RATE: 0 });
  let last = "";
  await until(`${service} to fall silent`, async () => {
    const before = last;
    last = (await onNode("journalctl", "-u", service, "-n", "1", "-o", "export")).match(/__CURSOR=(.*)/)[1];
    return before === last;
  }, { every: 600 });
}

/// Leaves a unit as it was found, with no numbered line among its newest: who counts next begins with its own.
export async function tidy(service) {
  await set(service, { ...ordinary, RATE: 200 });
  const clean = async () => !(await journal(service, 100)).some((line) => line.startsWith("numbered "));
  await until(`the numbers of ${service} to be history`, clean, { every: 100 });
  await set(service, ordinary);
}

async function processes() {
  const text = await onNode("ps", "-eo", "user:32,args", "--no-headers");
  return text.split("\n").filter(Boolean).map((line) => {
    const [user, ...args] = line.split(/\s+/);
    return { user, args: args.join(" ") };
  });
}

/// The followers of a service's journal, or of any, that run on the node; without the sudo in front of them.
export const followers = async (service) =>
  (await processes()).filter(
    ({ args }) =>
      args.startsWith("journalctl ") &&
      args.includes("--follow") &&
      (!service || args.includes(`--unit=${service}.service`)),
  );

/// Waits until exactly so many follow the journal of a service: a line may come from the history that is read before.
export async function followed(service, count = 1) {
  let found = [];
  const check = async () => (found = await followers(service)).length === count;
  await until(`${count} followers of ${service}`, check, { timeout: 8000, every: 100 }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(found)}`);
  });
  return found;
}

/// All that a login of `user` may leave behind: sessions of sshd and what was started in them.
export const remains = async (user) =>
  (await processes()).filter(
    ({ user: owner, args }) =>
      args.startsWith(`sshd: ${user}`) ||
      /^(sudo -n )?(journalctl|systemctl|find) /.test(args) ||
      (owner === user && !/^(\/lib\/systemd\/systemd --user|\(sd-pam\))/.test(args)),
  );

export async function leavesNothing(user, timeout = 15_000) {
  let left = [];
  await until(`nothing of ${user} on the node`, async () => (left = await remains(user)).length === 0, {
    timeout,
    every: 150,
  }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(left)}`);
  });
}

/// Counts the logins that sshd accepts from now on.
export async function loginCounter(user) {
  const cursor = (await onNode("journalctl", "-u", "ssh", "-n", "1", "-o", "export")).match(/__CURSOR=(.*)/)?.[1];
  const since = cursor ? ["--after-cursor", cursor] : [];
  return async () => {
    const text = await onNode("journalctl", "-u", "ssh", ...since, "-o", "cat", "--no-pager");
    return text.split("\n").filter((line) => line.startsWith(`Accepted password for ${user} `)).length;
  };
}
