/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 *
 * @typedef {import("../types.js").Devices} Devices
 * @typedef {import("../types.js").Media} Media
 * @typedef {import("../types.js").Payload} Payload
 * @typedef {import("../types.js").Reason} Reason
 * @typedef {import("../types.js").User} User
 * @typedef {import("./model.js").Draft} Draft
 */

import { acquire, begin, carry, change, close, connect, finish, send, sendStart, talking, to } from "./draft.js";

/** @param {Draft} m @param {User} peer @param {Media} media @param {boolean} listenOnly @param {Payload} payload Of `call.start`. */
export function start(m, peer, media, listenOnly, payload) {
  if (m.call) return;
  begin(m, { direction: "outgoing", state: "outgoing", peer, media, data: payload.data ?? null, here: true });
  m.work = { step: "media", start: payload };
  acquire(m, media, listenOnly);
}

/** @param {Draft} m @param {Media} [media] Otherwise what the caller asked for. @param {boolean} [listenOnly] */
export function accept(m, media = m.call?.media ?? "audio", listenOnly = false) {
  if (m.call?.state !== "incoming" || m.work) return;
  m.work = { step: "answer" };
  change(m, { here: true });
  acquire(m, media, listenOnly);
}

/** @param {Draft} m */
export function reject(m) {
  if (m.call?.state === "incoming") end(m);
}

/** @param {Draft} m */
export function end(m) {
  if (!m.call) return;
  const { id, state } = m.call;
  if (m.work?.step === "sent") m.ghosts++;
  const declined = state === "incoming";
  if (id) close(m, id, declined);
  finish(m, declined ? "declined" : state === "outgoing" || state === "ringing" ? "cancelled" : "hung_up");
}

/** @param {Draft} m */
export function resume(m) {
  if (m.call?.state === "detached") carry(m);
}

/** @param {Draft} m @param {number} key @param {Devices} local What there is of microphone and camera. */
export function acquired(m, key, local) {
  if (m.call?.key !== key) return;
  change(m, { local });
  switch (m.work?.step) {
    case "media":
      sendStart(m);
      break;
    case "answer":
      send(m, "call.accept", { session_id: m.call?.id });
      m.work = { step: "answered" };
      connect(m);
      break;
    case "carry":
      m.work = null;
      m.effects.push(["meet", m.polite, true]);
  }
}

/** No microphone, and nobody said that listening is enough. @param {Draft} m @param {number} key @param {Reason} code @param {Devices} local */
export function denied(m, key, code, local) {
  const step = m.call?.key === key && m.work?.step;
  if (step === "media") finish(m, code);
  else if (step === "carry") acquired(m, key, local);
  else if (step === "answer") {
    m.work = null;
    change(m, { here: false });
  }
}

/** @param {Draft} m @param {number} key @param {boolean} up Whether media flows. */
export function flow(m, key, up) {
  if (m.call?.key !== key) return;
  if (up && talking(m.call.state)) to(m, "connected");
  else if (!up && m.call.state === "connected") to(m, "reconnecting");
}

/** @param {Draft} m @param {number} key @param {{ muted?: boolean, local?: Partial<Devices>, remote?: Partial<Devices> }} changes */
export function devices(m, key, { muted, local, remote }) {
  const { call } = m;
  if (call?.key !== key) return;
  change(m, { muted: muted ?? call.muted, local: { ...call.local, ...local }, remote: { ...call.remote, ...remote } });
}

/** The present state has lasted too long. @param {Draft} m */
export function tick(m) {
  if (!m.call || m.until === null || m.now < m.until) return;
  const { id, state } = m.call;
  if (!id) {
    if (m.work?.step === "sent") m.ghosts++;
    return finish(m, "unavailable");
  }
  const rang = state === "incoming";
  close(m, id, rang);
  finish(m, rang ? "missed" : !talking(state) ? "no_answer" : m.state === "online" ? "media_failed" : "lost");
}
