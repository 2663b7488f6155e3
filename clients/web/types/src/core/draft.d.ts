/** @param {Draft} m @param {Partial<CoreCall>} changes */
export function change(m: Draft, changes: Partial<CoreCall>): void;
/** @param {Draft} m @param {string} type @param {Payload} payload */
export function send(m: Draft, type: string, payload: Payload): void;
/** @param {Draft} m @param {CallState} state Ignored unless `NEXT` allows it. */
export function to(m: Draft, state: CallState): void;
/** Sets the deadline of the present state. @param {Draft} m */
export function limit(m: Draft): void;
/** @param {Draft} m @param {About} about */
export function begin(m: Draft, about: About): void;
/** @param {Draft} m @param {CoreCall} call @param {Reason} reason @param {{ silent?: boolean, retryAfter?: number }} [more] */
export function over(m: Draft, call: CoreCall, reason: Reason, more?: {
    silent?: boolean;
    retryAfter?: number;
}): void;
/** @param {Draft} m @param {Reason} reason @param {number} [retryAfter] Seconds. */
export function finish(m: Draft, reason: Reason, retryAfter?: number): void;
/** @param {Draft} m @param {Payload} told Of `call.ring`. */
export function ring(m: Draft, told: Payload): void;
/** Ends a call for the server too, and remembers that. @param {Draft} m @param {string} id @param {boolean} [declined] */
export function close(m: Draft, id: string, declined?: boolean): void;
/** As soon as what became of earlier ones is known. @param {Draft} m */
export function sendStart(m: Draft): void;
/** @param {Draft} m @param {Media} media @param {boolean} [listenOnly] */
export function acquire(m: Draft, media: Media, listenOnly?: boolean): void;
/** A call without a page gets this one. @param {Draft} m */
export function carry(m: Draft): void;
/** The call is accepted: negotiate, if this page carries it. @param {Draft} m */
export function connect(m: Draft): void;
export function talking(state: CallState): boolean;
export function made(m: Draft, about: About): CoreCall;
export function toldOf({ session_id: id, caller_id, callee_id, caller_info, peer_info, media, data }: Payload, outgoing?: boolean): {
    id: any;
    direction: "outgoing" | "incoming";
    peer: import("../types.js").User;
    media: any;
    data: any;
};
export function ringsTill(m: Draft, expires?: number | null): number;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type CallState = import("../types.js").CallState;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type CoreCall = import("../types.js").CoreCall;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type Media = import("../types.js").Media;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type Payload = import("../types.js").Payload;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type Reason = import("../types.js").Reason;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type Draft = import("./model.js").Draft;
/**
 * The moves of which every rule is made: each changes the draft of the next model, and says what is to be done.
 */
export type About = Partial<CoreCall> & Pick<CoreCall, "direction" | "state" | "peer" | "media">;
