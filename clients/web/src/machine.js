/**
 * Runs the rules of `core/`: has done what follows from each, and lets promises wait for what is shown.
 *
 * @typedef {import("./types.js").CoreCall} CoreCall
 * @typedef {import("./core/model.js").Model} Model
 * @typedef {{ call: CoreCall, silent?: boolean, retryAfter?: number }} Ended silent: it never was the call at hand.
 *
 * @typedef {object} Owner Does what follows.
 * @property {(type: string, payload: import("./types.js").Payload) => void} send
 * @property {(wanted: { key: number, media: import("./types.js").Media, listenOnly: boolean }) => void} acquire
 * @property {(polite: boolean, offer: boolean) => void} meet
 * @property {() => void} restart
 * @property {(ended: Ended) => void} ended
 * @property {() => void} release The call is over, or another one began.
 * @property {(before: Model, now: Model) => void} changed
 */

import { apply } from "./core/model.js";
import { tick } from "./core/person.js";
import { CarillonError } from "./errors.js";
import { quiet } from "./waiting.js";

/**
 * @param {Model} model
 * @param {import("./timers.js").Timers} timers
 * @param {Owner} owner
 */
export function createMachine(model, timers, owner) {
  /** @type {Model | null} As the tab that holds the connection has it, where that is another one. */
  let mirror = null;
  /** As it was shown last. */
  let told = model;
  /** @type {Set<() => void>} What promises wait for: each looks, and goes when it has seen it. */
  const waiting = new Set();
  /** @type {Ended | null} */
  let last = null;

  const shown = () => mirror ?? model;

  /**
   * @template {unknown[]} Rest
   * @param {(draft: import("./core/model.js").Draft, ...rest: Rest) => void} rule
   * @param {Rest} rest
   */
  function take(rule, ...rest) {
    const { call } = model;
    const [next, effects] = apply(model, (draft) => rule(draft, ...rest), Date.now());
    model = next;
    for (const effect of effects) {
      if (effect[0] === "ended" && !effect[1].silent) last = effect[1];
      const [what, ...about] = effect;
      /** @type {any} */ (owner)[what](...about);
    }
    if (call && call.key !== model.call?.key) owner.release();
    tell();
    const { until } = model;
    if (until === null) timers.clear("until");
    else timers.set("until", until - Date.now(), () => take(tick));
  }

  /** Says what has changed since the last time. */
  function tell() {
    const before = told;
    told = shown();
    owner.changed(before, told);
    for (const look of [...waiting]) look();
  }

  /**
   * @template T
   * @param {() => T | null} look Null: not yet. Throws to reject.
   * @returns {Promise<T>}
   */
  const until = (look) =>
    quiet(
      new Promise((resolve, reject) => {
        const again = () => {
          try {
            const found = look();
            if (found === null) return;
            resolve(found);
          } catch (error) {
            reject(error);
          }
          waiting.delete(again);
        };
        waiting.add(again);
        again();
      }),
    );

  return {
    model: () => model,
    shown,
    take,
    until,
    /** This tab holds the connection, and begins with this. @param {Model} begun */
    lead(begun) {
      model = begun;
      mirror = null;
    },
    /** Another tab does, and shows this. @param {Model} theirs */
    follow(theirs) {
      mirror = theirs;
      tell();
    },
    /**
     * @template T
     * @param {number} key
     * @param {(call: CoreCall) => T | null} look Null: not yet. Throws to reject.
     * @returns {Promise<T>} Rejects if the call ends first.
     */
    during: (key, look) =>
      until(() => {
        const { call } = shown();
        if (call?.key === key) return look(call);
        const over = last?.call.key === key ? last : null;
        throw new CarillonError(over?.call.reason ?? "call_over", { ...over?.call, ...over });
      }),
  };
}

/** @typedef {ReturnType<typeof createMachine>} Machine */
