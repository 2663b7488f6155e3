/**
 * The next model, and what is to be done. Pure: the clock is passed in. Whatever happens in whatever order, a call only takes the steps of
 * `NEXT`, and `ended` is final.
 *
 * @param {Model} model
 * @param {Rule} rule
 * @param {number} now Unix ms.
 * @returns {[Model, Effect[]]}
 */
export function apply(model: Model, rule: Rule, now: number): [Model, Effect[]];
/**
 * @param {Payload | null | undefined} info
 * @param {string} [id]
 * @returns {User}
 */
export function userOf(info: Payload | null | undefined, id?: string): User;
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
export const NEXT: Record<CallState, readonly CallState[]>;
export function wants(state: ConnectionState): boolean;
/** As the id of a call: ending it does nothing, which tells what became of a start that had its number. */
export const NO_CALL: "none";
/** @type {Devices} */
export const OFF: Devices;
export function initial(media: boolean, carry?: string | null): Model;
/**
 * What a client knows, and what it can be told to do.
 */
export type CoreCall = import("../types.js").CoreCall;
/**
 * What a client knows, and what it can be told to do.
 */
export type CallState = import("../types.js").CallState;
/**
 * What a client knows, and what it can be told to do.
 */
export type ConnectionState = import("../types.js").ConnectionState;
/**
 * What a client knows, and what it can be told to do.
 */
export type Devices = import("../types.js").Devices;
/**
 * What a client knows, and what it can be told to do.
 */
export type Media = import("../types.js").Media;
/**
 * What a client knows, and what it can be told to do.
 */
export type Message = import("../types.js").Message;
/**
 * What a client knows, and what it can be told to do.
 */
export type Payload = import("../types.js").Payload;
/**
 * What a client knows, and what it can be told to do.
 */
export type Reason = import("../types.js").Reason;
/**
 * What a client knows, and what it can be told to do.
 */
export type User = import("../types.js").User;
/**
 * What a client knows, and what it can be told to do.
 */
export type CarillonError = import("../errors.js").CarillonError;
/**
 * What the call at hand waits for.
 */
export type Work = {
    /**
     * `media`: the microphone, before a start; `turn`: the answer to
     * an earlier start that was given up; `sent`: the answer to our start; `answer`: the microphone, before an accept; `answered`: nothing, the
     * accept is on its way; `carry`: the microphone, for a call that is accepted already.
     */
    step: "media" | "turn" | "sent" | "answer" | "answered" | "carry";
    /**
     * Of `call.start`.
     */
    start?: import("../types.js").Payload | undefined;
};
/**
 * What a client knows, and what it can be told to do.
 */
export type Model = {
    state: ConnectionState;
    error: CarillonError | null;
    retryAt: number | null;
    user: User | null;
    call: CoreCall | null;
    work: Work | null;
    /**
     * Of the last call.
     */
    serial: number;
    /**
     * When the present state of the call has lasted too long.
     */
    until: number | null;
    /**
     * In negotiation.
     */
    polite: boolean;
    /**
     * A ring that came while our own start was unanswered.
     */
    rival: Payload | null;
    /**
     * Whether a start without an answer was lost, unless what stands is its call.
     */
    voided: boolean;
    /**
     * Starts that were sent, then given up, by us or by the server; what became of them is to be told first.
     */
    ghosts: number;
    /**
     * Calls that we ended, which the server may not know yet.
     */
    over: readonly string[];
    /**
     * The call that this page carried before it was reloaded.
     */
    carry: string | null;
    /**
     * Since when there is no connection.
     */
    downAt: number | null;
    /**
     * The call that stands once the replay is through.
     */
    standing: Payload | null;
    /**
     * ms
     */
    grace: number;
    /**
     * ms
     */
    ring: number;
    /**
     * Our clock minus the server's, ms.
     */
    skew: number;
    /**
     * Whether media is ours to care for.
     */
    media: boolean;
};
/**
 * The next model in the making; `now` is Unix ms.
 */
export type Draft = Model & {
    now: number;
    effects: Effect[];
};
/**
 * What to call, and with what: see `Owner` in machine.js.
 */
export type Effect = ["send", string, Payload] | ["acquire", {
    key: number;
    media: Media;
    listenOnly: boolean;
}] | ["meet", boolean, boolean] | ["restart"] | ["ended", {
    call: CoreCall;
    silent?: boolean;
    retryAfter?: number;
}];
/**
 * What follows from something that happens.
 */
export type Rule = (draft: Draft) => void;
