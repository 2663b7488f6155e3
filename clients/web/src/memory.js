/**
 * What a reload must not lose: in the browser's storage the place in the inbox, which the tabs share; in the tab's own which call it
 * carries. The token is not kept.
 */

import { alone } from "./tabs.js";

/**
 * @typedef {{ id?: string | null, epoch?: string | null, seq?: number, answered?: number }} Cursor In the inbox: see session.js.
 *
 * @typedef {object} Own
 * @property {string} [tab] This one's id.
 * @property {string | null} [call] The id of the call that this tab carries.
 * @property {readonly string[]} [over] Calls that it ended, which the server may not know yet.
 */

/** @param {Storage | null} [storage] Undefined: those of the browser. */
export function createMemory(storage) {
  let shared = storage === undefined ? reach("localStorage") : storage;
  const mine = storage === undefined ? reach("sessionStorage") : storage;
  let name = "";
  /** @type {Own} */
  let own = {};

  const write = () => put(mine, `${name}:tab`, own);

  return {
    /**
     * @param {string} url
     * @param {string} user Whose tabs share the connection; `""`: they do not, and share no place in the inbox either.
     */
    async open(url, user) {
      name = `carillon:${url}:${user}`;
      if (!user) shared = mine;
      own = read(mine, `${name}:tab`);
      if (!user || (own.tab && (await alone(own.tab)))) return;
      // The first time; or a duplicated tab: the call stays with the original.
      own = { tab: `${Math.random()}` };
      void alone(/** @type {string} */ (own.tab));
      write();
    },
    /** @returns {Own} */
    own: () => own,
    /** @param {string | null} call @param {readonly string[]} over */
    keep(call, over) {
      if (call === own.call && over === own.over) return;
      own = { ...own, call, over };
      write();
    },
    /** @returns {Cursor} */
    cursor: () => read(shared, name),
    /** @param {Cursor} cursor */
    move: (cursor) => put(shared, name, cursor),
  };
}

/** @typedef {ReturnType<typeof createMemory>} Memory */

/** @param {"localStorage" | "sessionStorage"} name A page may be denied them. */
function reach(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}

/** @param {Storage | null} storage @param {string} name */
function read(storage, name) {
  try {
    return JSON.parse(storage?.getItem(name) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {Storage | null} storage @param {string} name @param {object} value */
function put(storage, name, value) {
  try {
    storage?.setItem(name, JSON.stringify(value));
  } catch {
    // Full or denied: a reload begins anew.
  }
}
