/**
 * Tabs of one browser and user share one connection: a Web Lock elects the tab that holds it, a BroadcastChannel tells the others what it
 * shows and brings it what is asked of them.
 *
 * @typedef {import("./types.js").Code} Code
 * @typedef {{ code: Code, message: string }} Told An error, as a channel can carry it.
 */

import { CarillonError } from "./errors.js";

/** @param {CarillonError | null} error @returns {Told | null} */
export const told = (error) => error && { code: error.code, message: error.message };

/** @param {Told | null} [told] */
export const heard = (told) => (told ? new CarillonError(told.code, told) : null);

export const shareable = () => Boolean(globalThis.BroadcastChannel && globalThis.navigator?.locks);

/**
 * @param {string} name One for each server and user.
 * @param {import("./waiting.js").Answers} answers
 * @param {object} owner
 * @param {() => void} owner.onLead
 * @param {() => void} owner.onFollow Another tab took over.
 * @param {(shown: any) => void} owner.onShown What the tab that leads has posted.
 * @param {() => void} owner.onNew Another tab wants to know what is shown here, where the connection is.
 * @param {(method: string, args: unknown[]) => unknown} owner.run
 */
export function createTabs(name, answers, owner) {
  let leads = false;
  /** Whether the place was asked for, and is not had yet. */
  let stealing = false;
  let release = () => {};
  let waiting = new AbortController();
  const channel = new BroadcastChannel(name);
  channel.onmessage = async ({ data: { hello, shown, method, args, id, value, error } }) => {
    if (leads && method) {
      try {
        post({ id, value: await owner.run(method, args) });
      } catch (cause) {
        post({ id, error: told(/** @type {CarillonError} */ (cause)) });
      }
    } else if (leads && hello) owner.onNew();
    else if (!leads && shown) owner.onShown(shown);
    else answers.settle(id, value, heard(error));
  };
  // Under Node an open channel would keep the process.
  /** @type {{ unref?: () => void }} */ (channel).unref?.();

  /** @param {object} message A structured clone of it is heard by every other tab. */
  const post = (message) => channel.postMessage(message);

  /** @param {LockOptions} options */
  function request(options) {
    let held = false;
    const hold = () => {
      held = leads = true;
      stealing = false;
      owner.onLead();
      return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        release = resolve;
      });
    };
    navigator.locks.request(name, options, hold).catch(({ name }) => {
      if (held && leads) {
        leads = false;
        owner.onFollow();
        queue();
      } else if (name !== "AbortError") void hold(); // A page without storage of its own is denied locks: it stays for itself.
    });
  }

  /** Wait for the place. */
  function queue() {
    waiting = new AbortController();
    request({ signal: waiting.signal });
    post({ hello: true });
  }

  return {
    /** Whether this tab holds the connection. */
    leads: () => leads,
    queue,
    /** Take the place now. */
    steal() {
      if (leads || stealing) return;
      stealing = true;
      waiting.abort();
      request({ steal: true });
    },
    /** @param {object} shown For all other tabs. */
    show: (shown) => leads && post({ shown }),
    /**
     * @param {string} method Of the client in the tab that leads.
     * @param {unknown[]} args
     * @returns {Promise<any>}
     */
    ask(method, args) {
      const id = `${Math.random()}`;
      post({ id, method, args });
      return answers.to(id);
    },
    leave() {
      waiting.abort();
      leads = false;
      release();
      channel.close();
    },
  };
}

/** @typedef {ReturnType<typeof createTabs>} Tabs */

/**
 * Whether this page alone goes by `id`: a duplicated tab brings a copy of the other's session storage.
 *
 * @param {string} id
 * @returns {Promise<boolean>}
 */
export const alone = (id) =>
  new Promise((resolve) => {
    navigator.locks
      .request(id, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise(() => {});
      })
      .catch(() => resolve(false));
  });
