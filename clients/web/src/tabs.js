/**
 * Tabs of one browser and user share one connection: a Web Lock elects the tab that holds it, a BroadcastChannel tells the others.
 */
export class Tabs {
  /** Whether this tab holds the connection. */
  leads = false;
  /** @type {(() => void) | null} */
  #release = null;
  /** @type {AbortController | null} */
  #waiting = null;
  /** @type {BroadcastChannel} */
  #channel;

  static get possible() {
    return typeof BroadcastChannel !== "undefined" && !!globalThis.navigator?.locks;
  }

  /**
   * @param {string} name One for each server and user.
   * @param {object} watcher
   * @param {() => void} watcher.onLead
   * @param {() => void} watcher.onLost Another tab took over.
   * @param {(message: any) => void} watcher.onMessage
   */
  constructor(name, watcher) {
    this.#name = name;
    this.#watcher = watcher;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => watcher.onMessage(data);
    // Under Node an open channel would keep the process.
    /** @type {{ unref?: () => void }} */ (this.#channel).unref?.();
  }
  #name;
  #watcher;

  /** Wait for the place. */
  queue() {
    this.#waiting = new AbortController();
    this.#ask({ signal: this.#waiting.signal });
  }

  /** Take the place now. */
  steal() {
    if (this.leads) return;
    this.#waiting?.abort();
    this.#ask({ steal: true });
  }

  /** @param {object} message A structured clone of it is heard by every other tab. */
  post(message) {
    this.#channel.postMessage(message);
  }

  leave() {
    this.#waiting?.abort();
    this.leads = false;
    this.#release?.();
    this.#channel.close();
  }

  /** @param {LockOptions} options */
  #ask(options) {
    let held = false;
    navigator.locks
      .request(this.#name, options, () => {
        held = this.leads = true;
        this.#watcher.onLead();
        return new Promise((resolve) => {
          this.#release = () => resolve(undefined);
        });
      })
      .catch(() => {
        if (!held || !this.leads) return;
        this.leads = false;
        this.#watcher.onLost();
        this.queue();
      });
  }
}

/**
 * Whether this page alone goes by `id`: a duplicated tab brings a copy of the other's session storage.
 *
 * @param {string} id
 * @returns {Promise<boolean>}
 */
export const alone = (id) =>
  new Promise((resolve) => {
    const held = /** @type {LockOptions} */ ({ ifAvailable: true });
    navigator.locks
      .request(id, held, (lock) => {
        resolve(lock !== null);
        return lock ? new Promise(() => {}) : undefined;
      })
      .catch(() => resolve(false));
  });
