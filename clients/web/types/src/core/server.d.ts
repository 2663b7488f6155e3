/** @param {Draft} m @param {Message} message @param {{ about?: Message, replay?: boolean }} [more] See `Heard`. */
export function hear(m: Draft, { type, payload }: Message, { about, replay }?: {
    about?: Message;
    replay?: boolean;
}): void;
/** @param {Draft} m @param {Payload} payload */
export function rings(m: Draft, payload: Payload): void;
/** @param {Draft} m @param {string} id The call that our start became. */
export function ringing(m: Draft, id: string): void;
export function gone(m: Draft): Reason;
/**
 * What follows from the server's messages.
 */
export type CoreCall = import("../types.js").CoreCall;
/**
 * What follows from the server's messages.
 */
export type Message = import("../types.js").Message;
/**
 * What follows from the server's messages.
 */
export type Payload = import("../types.js").Payload;
/**
 * What follows from the server's messages.
 */
export type Reason = import("../types.js").Reason;
/**
 * What follows from the server's messages.
 */
export type Draft = import("./model.js").Draft;
