// Waiting for a condition with a deadline: the only way in which these tests wait.
import { performance } from "node:perf_hooks";

const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// The first truthy value of `check`, which may be async. After `timeout` ms it throws and says what was waited for.
export async function until(what, check, { timeout = 15_000, every = 20 } = {}) {
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await tick(every);
  }
}

/// Throws if `check` is ever false within `ms`: for what must not happen.
export async function always(what, check, ms) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (!(await check())) throw new Error(`did not last: ${what}`);
    await tick(50);
  }
}

/// `promise`, or an error that names it.
export function within(what, promise, timeout = 15_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeout} ms in vain: ${what}`)), timeout);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
