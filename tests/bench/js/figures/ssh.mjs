// What it costs to receive over SSH, beside OpenSSH's own client with the same cipher.
import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { node } from "../../../integration/js/lib/target.mjs";
import { clientOf, pillard } from "../lib/pillard.mjs";
import { cpuSeconds, median, onServerCore, probes } from "../lib/processes.mjs";

const run = promisify(execFile);

/// `ssh` to the node with the user's password, as this: {words, env}.
export function openssh(...options) {
  const ask = join(process.env.PILLARD_TARGET_DIR, "askpass");
  writeFileSync(ask, `#!/bin/sh\necho '${node.password}'\n`, { mode: 0o700 });
  chmodSync(ask, 0o700);
  const fixed = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "PreferredAuthentications=password", "LogLevel=ERROR"];
  const words = fixed.flatMap((option) => ["-o", option]);
  return {
    words: ["ssh", "-F", "none", ...words, ...options, "-p", String(node.port), `${node.user}@${node.host}`],
    env: { ...process.env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: "force" },
  };
}

/// CPU seconds of a command with what it starts.
async function cost(command, env) {
  const script = 'TIMEFORMAT="%U %S"; time "$@" > /dev/null';
  const { stderr } = await run("setsid", ["--wait", ...onServerCore, "bash", "-c", script, "bash", ...command], { env });
  return stderr.trim().split(/\s+/).slice(-2).map(Number).reduce((a, b) => a + b);
}

export const measure = async ({ rounds, short, log }) => {
  const megabytes = short ? 20 : 200;
  const bytes = String(megabytes * 1_000_000);
  const all = { pillard: [], ssh: [] };
  const { words, env } = openssh("-c", "aes128-ctr", "-m", "hmac-sha2-256");
  for (let i = 0; i < rounds; ++i) {
    const daemon = await pillard({ lines: true });
    try {
      // The first one pays for the login.
      for (const argv of [["true"], ["head", "-c", bytes, "/dev/zero"]]) {
        const before = cpuSeconds(daemon.process.pid);
        await probes({ ...(await clientOf(daemon, [["subscribe_bytes", { argv }]])), event: "bytes_data" });
        if (argv.length > 1) all.pillard.push(((cpuSeconds(daemon.process.pid) - before) / megabytes) * 1000);
      }
    } finally {
      await daemon.stop();
    }
    const whole = await cost([...words, "head", "-c", bytes, "/dev/zero"], env);
    const login = await cost([...words, "true"], env);
    all.ssh.push(((whole - login) / megabytes) * 1000);
    log(`ssh ${i + 1}/${rounds}: pillard ${all.pillard.at(-1).toFixed(2)} ms a MB, OpenSSH ${all.ssh.at(-1).toFixed(2)}`);
  }
  const [ours, theirs] = [median(all.pillard), median(all.ssh)];
  return {
    rows: [{ figure: "CPU to receive a MB over SSH", unit: "ms", pillard: ours, peer: theirs, peerName: "OpenSSH", ratio: ours / theirs }],
    details: { ssh: all },
  };
};
