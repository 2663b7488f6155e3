/**
 * Named deadlines on one timer. `check` runs what is due: hidden tabs may run timers once a minute only, but messages are not delayed,
 * so that every message that comes also calls it.
 */
export function createTimers() {
  /** @type {Map<string, { at: number, run: () => void }>} */
  const all = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function arm() {
    clearTimeout(timer);
    const next = Math.min(...[...all.values()].map(({ at }) => at));
    if (all.size) timer = setTimeout(check, Math.min(next - Date.now(), 2 ** 31 - 1));
  }

  function check() {
    const now = Date.now();
    for (const [name, one] of [...all]) {
      if (one.at <= now && all.get(name) === one) {
        all.delete(name);
        one.run();
      }
    }
    arm();
  }

  return {
    check,
    /** Replaces the deadline of that name. @param {string} name @param {number} ms From now. @param {() => void} run */
    set(name, ms, run) {
      all.set(name, { at: Date.now() + ms, run });
      arm();
    },
    /** @param {string[]} names */
    clear(...names) {
      for (const name of names) all.delete(name);
      arm();
    },
    /** @param {string} name */
    has: (name) => all.has(name),
    stop() {
      all.clear();
      arm();
    },
  };
}

/** @typedef {ReturnType<typeof createTimers>} Timers */
