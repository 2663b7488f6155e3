/**
 * What a client knows, and what it can be told to do.
 *
 * @typedef {import("../types.js").CoreCall} CoreCall
 * @typedef {import("../types.js").CallState} CallState
 * @typedef {import("../types.js").ConnectionState} ConnectionState
 * @typedef {import("../types.js").Devices} Devices
 * @typedef {import("../types.js").Media} Media
 * @typedef {import("../types.js").Message} Message
 * @typedef {import("../types.js").Payload} Payload
 * @typedef {import("../types.js").Reason} Reason
 * @typedef {import("../types.js").User} User
 * @typedef {import("../errors.js").CarillonError} CarillonError
 *
 * @typedef {object} Work What the call at hand waits for.
 * @property {"media" | "turn" | "sent" | "answer" | "answered" | "carry"} step `media`: the microphone, before a start; `turn`: the answer to
 *   an earlier start that was given up; `sent`: the answer to our start; `answer`: the microphone, before an accept; `answered`: nothing, the
 *   accept is on its way; `carry`: the microphone, for a call that is accepted already.
 * @property {Payload} [start] Of `call.start`.
 *
 * @typedef {object} Model
 * @property {ConnectionState} state
 * @property {CarillonError | null} error
 * @property {number | null} retryAt
 * @property {User | null} user
 * @property {CoreCall | null} call
 * @property {Work | null} work
 * @property {number} serial Of the last call.
 * @property {number | null} until When the present state of the call has lasted too long.
 * @property {boolean} polite In negotiation.
 * @property {Payload | null} rival A ring that came while our own start was unanswered.
 * @property {boolean} voided Whether a start without an answer was lost, unless what stands is its call.
 * @property {number} ghosts Starts that were sent, then given up, by us or by the server; what became of them is to be told first.
 * @property {readonly string[]} over Calls that we ended, which the server may not know yet.
 * @property {string | null} carry The call that this page carried before it was reloaded.
 * @property {number | null} downAt Since when there is no connection.
 * @property {Payload | null} standing The call that stands once the replay is through.
 * @property {number} grace ms
 * @property {number} ring ms
 * @property {number} skew Our clock minus the server's, ms.
 * @property {boolean} media Whether media is ours to care for.
 *
 * @typedef {Model & { now: number, effects: Effect[] }} Draft The next model in the making; `now` is Unix ms.
 *
 * @typedef {["send", string, Payload]
 *   | ["acquire", { key: number, media: Media, listenOnly: boolean }]
 *   | ["meet", boolean, boolean]
 *   | ["restart"]
 *   | ["ended", { call: CoreCall, silent?: boolean, retryAfter?: number }]} Effect What to call, and with what: see `Owner` in machine.js.
 *
 * @typedef {(draft: Draft) => void} Rule What follows from something that happens.
 */

/** @type {Record<CallState, readonly CallState[]>} */
export const NEXT = {
  outgoing: ["ringing", "connecting", "detached", "ended"],
  ringing: ["connecting", "detached", "ended"],
  incoming: ["connecting", "detached", "ended"],
  connecting: ["connected", "detached", "ended"],
  connected: ["reconnecting", "detached", "ended"],
  reconnecting: ["connected", "detached", "ended"],
  detached: ["connecting", "ended"],
  ended: [],
};

/** @param {ConnectionState} state Whether the connection is there, or is being made; otherwise somebody has to ask for it. */
export const wants = (state) => /online|connecting/.test(state);

/** As the id of a call: ending it does nothing, which tells what became of a start that had its number. */
export const NO_CALL = "none";

/** @type {Devices} */
export const OFF = { audio: "off", video: "off" };

/**
 * @param {boolean} media
 * @param {string | null} carry
 * @returns {Model}
 */
export const initial = (media, carry = null) => ({
  state: "idle",
  error: null,
  retryAt: null,
  user: null,
  call: null,
  work: null,
  serial: 0,
  until: null,
  polite: false,
  rival: null,
  voided: false,
  ghosts: 0,
  over: [],
  carry,
  downAt: null,
  standing: null,
  grace: 30_000,
  ring: 60_000,
  skew: 0,
  media,
});

/**
 * The next model, and what is to be done. Pure: the clock is passed in. Whatever happens in whatever order, a call only takes the steps of
 * `NEXT`, and `ended` is final.
 *
 * @param {Model} model
 * @param {Rule} rule
 * @param {number} now Unix ms.
 * @returns {[Model, Effect[]]}
 */
export function apply(model, rule, now) {
  const draft = { ...model, now, effects: [] };
  rule(draft);
  const { now: _, effects, ...next } = draft;
  return [next, effects];
}

/**
 * @param {Payload | null | undefined} info
 * @param {string} [id]
 * @returns {User}
 */
export function userOf(info, id = "") {
  const user = { id: info?.user_id ?? id, username: info?.username ?? "", image: info?.image_profile ?? "" };
  return { ...user, name: info?.name || user.username || user.id };
}
