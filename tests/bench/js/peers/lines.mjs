// The lines that peers send, and when: all of them the same, so that what differs is the server.

/// Nanoseconds since 1970 by CLOCK_REALTIME, behind by about a microsecond at most and never ahead. A clock that is
/// set while the peer runs is not followed.
export const now = calibrated();

function calibrated() {
  // Date.now() has only milliseconds, and rounds down. Read just before the steady clock it is never ahead of it, and
  // at the edge of a millisecond it is right: the greatest difference of many is the offset.
  let offset = 0n;
  for (const end = Date.now() + 25; ;) {
    const wall = Date.now();
    const difference = BigInt(wall) * 1_000_000n - process.hrtime.bigint();
    if (difference > offset) offset = difference;
    if (wall >= end) return () => process.hrtime.bigint() + offset;
  }
}

const length = 150;
let sequence = 0;

/// A line of 150 characters: its number from 0 on, its time, padding.
export function nextLine() {
  const head = `seq=${String(sequence++).padStart(12, "0")} t=${String(now()).padStart(19, "0")} `;
  return head.padEnd(length, "x");
}

/// The packet of Socket.IO that carries a line: 193 characters.
export const packet = (line) => `42${JSON.stringify(["log_data", { service: "node", line }])}`;

/// Calls `send` with the next line, `burst` times each burst / rate seconds, from now on and without drift. Late bursts
/// are made up for, with a turn of the loop between them. A rate of 0 sends nothing.
export function pace({ rate, burst }, send) {
  if (rate === 0) return;
  const period = (burst * 1000) / rate;
  const start = performance.now();
  let bursts = 0;
  const turn = () => {
    for (let i = 0; i < burst; ++i) send(nextLine());
    const wait = start + ++bursts * period - performance.now();
    if (wait > 0) setTimeout(turn, wait);
    else setImmediate(turn);
  };
  turn();
}
