/**
 * What a reload must not lose: in the browser's storage the place in the inbox, which the tabs share; in the tab's own which call it
 * carries. The token is not kept.
 */

import { alone } from "./tabs.js";

/** @typedef {{ session?: string | null, epoch?: string | null, seq?: number, n?: number }} Cursor */

export class Memory {
  #name = "";
  /** @type {{ tab?: string, call?: string | null, over?: readonly string[] }} */
  #own = {};

  /** @param {Storage | null} [storage] Undefined: those of the browser. */
  constructor(storage) {
    this.#shared = storage === undefined ? reach("localStorage") : storage;
    this.#tab = storage === undefined ? reach("sessionStorage") : storage;
  }
  #shared;
  #tab;

  /**
   * @param {string} url
   * @param {string} user
   * @param {boolean} tabs Whether they share the connection; otherwise they share no place in the inbox either.
   */
  async open(url, user, tabs) {
    this.#name = `carillon:${url}:${user}`;
    if (!tabs) this.#shared = this.#tab;
    this.#own = read(this.#tab, `${this.#name}:tab`);
    const { tab } = this.#own;
    if (tabs && (!tab || !(await alone(tab)))) {
      // A duplicated tab: the call stays with the original.
      this.#own = { tab: `${Math.random()}` };
      void alone(/** @type {string} */ (this.#own.tab));
      this.#keep();
    }
  }

  /** @returns {Cursor} */
  get cursor() {
    return read(this.#shared, this.#name);
  }

  set cursor(cursor) {
    write(this.#shared, this.#name, cursor);
  }

  /** The id of the call that this tab carries. */
  get call() {
    return this.#own.call ?? null;
  }

  set call(call) {
    if (call === this.call) return;
    this.#own.call = call;
    this.#keep();
  }

  get over() {
    return this.#own.over ?? [];
  }

  set over(over) {
    if (over === this.over) return;
    this.#own.over = over;
    this.#keep();
  }

  #keep() {
    write(this.#tab, `${this.#name}:tab`, this.#own);
  }
}

/** @param {"localStorage" | "sessionStorage"} name A page may be denied them. */
function reach(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {Storage | null} storage
 * @param {string} name
 */
function read(storage, name) {
  try {
    return JSON.parse(storage?.getItem(name) ?? "{}");
  } catch {
    return {};
  }
}

/**
 * @param {Storage | null} storage
 * @param {string} name
 * @param {object} value
 */
function write(storage, name, value) {
  try {
    storage?.setItem(name, JSON.stringify(value));
  } catch {
    // Full or denied: a reload begins anew.
  }
}
