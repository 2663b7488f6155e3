/**
 * Named deadlines on one timer. `check` runs what is due: hidden tabs may run timers once a minute only, but messages are not delayed,
 * so that every message that comes also calls it.
 */
export class Timers {
  /** @type {Map<string, { at: number, run: () => void }>} */
  #all = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * Replaces the deadline of that name.
   *
   * @param {string} name
   * @param {number} ms From now.
   * @param {() => void} run
   */
  set(name, ms, run) {
    this.#all.set(name, { at: Date.now() + ms, run });
    this.#arm();
  }

  /** @param {string[]} names */
  clear(...names) {
    for (const name of names) this.#all.delete(name);
    this.#arm();
  }

  /** @param {string} name */
  has(name) {
    return this.#all.has(name);
  }

  stop() {
    this.clear(...this.#all.keys());
  }

  check() {
    const now = Date.now();
    for (const [name, { at, run }] of [...this.#all]) {
      if (at <= now && this.#all.get(name)?.run === run) {
        this.#all.delete(name);
        run();
      }
    }
    this.#arm();
  }

  #arm() {
    clearTimeout(this.#timer);
    const next = Math.min(...[...this.#all.values()].map(({ at }) => at));
    if (next < Infinity) this.#timer = setTimeout(() => this.check(), Math.min(Math.max(0, next - Date.now()), 2 ** 31 - 1));
  }
}
