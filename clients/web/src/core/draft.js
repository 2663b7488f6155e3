/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 *
 * @typedef {import("../types.js").CallState} CallState
 * @typedef {import("../types.js").CoreCall} CoreCall
 * @typedef {import("../types.js").Media} Media
 * @typedef {import("../types.js").Payload} Payload
 * @typedef {import("../types.js").Reason} Reason
 * @typedef {import("./model.js").Draft} Draft
 * @typedef {Partial<CoreCall> & Pick<CoreCall, "direction" | "state" | "peer" | "media">} About
 */

import { sentence } from "../errors.js";
import { NEXT, OFF, userOf } from "./model.js";

/** ms that a start waits for its turn, and for its answer. */
const ANSWER = 12_000;
/** ms beside the server's own ring deadline, whose message is to come first. */
const SLACK = 5000;
/** ms until media must flow, or flow again: longer than the server's grace. */
const MEDIA = 60_000;

/** @param {CallState} state Whether the call was answered, and goes on in this page: `connecting`, `connected` or `reconnecting`. */
export const talking = (state) => state.includes("connect");

/** @param {Draft} m @param {Partial<CoreCall>} changes */
export function change(m, changes) {
  m.call = { .../** @type {CoreCall} */ (m.call), ...changes };
}

/** @param {Draft} m @param {string} type @param {Payload} payload */
export function send(m, type, payload) {
  m.effects.push(["send", type, payload]);
}

/** @param {Draft} m @param {CallState} state Ignored unless `NEXT` allows it. */
export function to(m, state) {
  const { state: before, connectedAt, ringsUntil } = /** @type {CoreCall} */ (m.call);
  if (!NEXT[before].includes(state)) return;
  change(m, {
    state,
    connectedAt: state === "connected" ? (connectedAt ?? m.now) : connectedAt,
    ringsUntil: state === "ringing" ? ringsUntil : null,
  });
  limit(m);
}

/** Sets the deadline of the present state. @param {Draft} m */
export function limit(m) {
  const { state, ringsUntil } = /** @type {CoreCall} */ (m.call);
  if (state.endsWith("connecting")) m.until = m.now + MEDIA;
  else m.until = ringsUntil && ringsUntil + SLACK;
}

/** @param {Draft} m @param {About} about @returns {CoreCall} */
export const made = (m, about) => ({
  key: ++m.serial,
  id: null,
  data: null,
  alerting: null,
  ringsUntil: null,
  startedAt: m.now,
  connectedAt: null,
  endedAt: null,
  reason: null,
  message: null,
  here: false,
  muted: false,
  local: OFF,
  remote: OFF,
  ...about,
});

/** @param {Draft} m @param {About} about */
export function begin(m, about) {
  Object.assign(m, { call: made(m, about), work: null, polite: about.direction === "incoming" });
  limit(m);
}

/** @param {Draft} m @param {CoreCall} call @param {Reason} reason @param {{ silent?: boolean, retryAfter?: number }} [more] */
export function over(m, call, reason, more) {
  const message = sentence(reason, call.peer.name);
  const ended = { ...call, state: /** @type {const} */ ("ended"), endedAt: m.now, ringsUntil: null, reason, message, local: OFF, remote: OFF };
  m.effects.push(["ended", { call: ended, ...more }]);
}

/** @param {Draft} m @param {Reason} reason @param {number} [retryAfter] Seconds. */
export function finish(m, reason, retryAfter) {
  const { rival } = m;
  over(m, /** @type {CoreCall} */ (m.call), reason, { retryAfter });
  m.call = m.work = m.until = m.rival = null;
  if (rival && m.state === "online") ring(m, rival);
}

/** @param {Draft} m @param {Payload} told Of `call.ring`. */
export function ring(m, told) {
  begin(m, { ...toldOf(told), state: "incoming", ringsUntil: ringsTill(m, told.expires_at) });
}

/** What the server tells of a call. @param {Payload} told @param {boolean} [outgoing] */
export const toldOf = ({ session_id: id, caller_id, callee_id, caller_info, peer_info, media, data }, outgoing = false) => ({
  id,
  direction: /** @type {"outgoing" | "incoming"} */ (outgoing ? "outgoing" : "incoming"),
  peer: userOf(peer_info ?? caller_info, outgoing ? callee_id : caller_id),
  media: media ?? "audio",
  data: data ?? null,
});

/** @param {Draft} m @param {number | null} [expires] By the server's clock, Unix seconds. @returns {number} By ours, ms. */
export const ringsTill = (m, expires) => (expires ? expires * 1000 + m.skew : m.now + m.ring);

/** Ends a call for the server too, and remembers that. @param {Draft} m @param {string} id @param {boolean} [declined] */
export function close(m, id, declined = false) {
  send(m, declined ? "call.reject" : "call.end", { session_id: id });
  m.over = [...m.over, id].slice(-8);
}

/** As soon as what became of earlier ones is known. @param {Draft} m */
export function sendStart(m) {
  if (m.ghosts) m.work = { ...m.work, step: "turn" };
  else {
    send(m, "call.start", /** @type {Payload} */ (m.work?.start));
    m.work = { step: "sent" };
  }
  m.until = m.now + ANSWER;
}

/** @param {Draft} m @param {Media} media @param {boolean} [listenOnly] */
export function acquire(m, media, listenOnly = false) {
  m.effects.push(["acquire", { key: /** @type {CoreCall} */ (m.call).key, media, listenOnly }]);
}

/** A call without a page gets this one. @param {Draft} m */
export function carry(m) {
  change(m, { here: true });
  to(m, "connecting");
  if (!m.media) return to(m, "connected");
  m.work = { step: "carry" };
  acquire(m, /** @type {CoreCall} */ (m.call).media);
}

/** The call is accepted: negotiate, if this page carries it. @param {Draft} m */
export function connect(m) {
  const { here, local } = /** @type {CoreCall} */ (m.call);
  if (!here) to(m, "detached");
  else if (local === OFF || !m.media) carry(m);
  else {
    to(m, "connecting");
    m.effects.push(["meet", m.polite, !m.polite]);
  }
}
