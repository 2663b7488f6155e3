/**
 * What is shown: to the page, in events and a snapshot of the call; and to the other tabs, where this one holds the connection.
 *
 * @typedef {import("./types.js").Call} Call
 * @typedef {import("./types.js").Events} Events
 * @typedef {import("./core/model.js").Model} Model
 * @typedef {import("./machine.js").Ended} Ended
 *
 * @typedef {object} Place
 * @property {() => boolean} here Whether this tab holds the connection.
 * @property {(shown: object) => void} post To the other tabs.
 */

import { heard, told } from "./tabs.js";

/**
 * @param {import("./machine.js").Machine} machine
 * @param {Pick<import("./call-media.js").CallMedia, "streams" | "observe">} media
 * @param {import("./memory.js").Memory} memory
 * @param {Place} place
 * @param {<T extends keyof Events>(type: T, detail: Events[T]) => void} emit
 */
export function createView({ model, shown, follow }, media, memory, { here, post }, emit) {
  /** @type {Call | null} */
  let snapshot = null;

  function show() {
    const { state, error, retryAt, user, call } = model();
    post({ state, error: told(error), retryAt, user, call: call && { ...call, here: false } });
  }

  /** @param {Ended} about */
  function ended(about) {
    over(about);
    post({ ended: { ...about, call: { ...about.call, here: false } } });
  }

  /** @param {Ended} ended */
  function over({ call, silent }) {
    queueMicrotask(() => {
      const detail = { call: Object.freeze({ ...call, localStream: null, remoteStream: null }) };
      if (!silent) {
        emit("call", detail);
        emit("ended", detail);
      }
      if (call.reason === "missed") emit("missed", detail);
    });
  }

  /** @param {Model} before @param {Model} now */
  function changed(before, now) {
    const { state, error, retryAt, call } = now;
    const moved = state !== before.state || error?.code !== before.error?.code || retryAt !== before.retryAt;
    if (call !== before.call) snapshot = call && Object.freeze({ ...call, ...media.streams() });
    if (here()) {
      if (moved || call !== before.call) show();
      memory.keep(call?.here ? call.id : now.carry, now.over);
    }
    if (moved) emit("state", { state, error, retryAt });
    if (snapshot && call !== before.call) {
      emit("call", { call: snapshot });
      if (snapshot.state === "incoming" && snapshot.id !== before.call?.id) emit("incoming", { call: snapshot });
    }
    media.observe();
  }

  return {
    changed,
    ended,
    show,
    /** What the tab that holds the connection has posted. @param {any} theirs */
    mirror({ ended, error, ...theirs }) {
      if (!ended) return follow({ ...model(), ...theirs, error: heard(error) });
      const seen = shown();
      if (seen.call?.key === ended.call.key) follow({ ...seen, call: null });
      over(ended);
    },
    call: () => snapshot,
  };
}
