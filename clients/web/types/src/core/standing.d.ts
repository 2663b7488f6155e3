/** @param {Draft} m @param {Partial<import("./model.js").Model>} changes With `state`. */
export function connection(m: Draft, { error, retryAt, ...changes }: Partial<import("./model.js").Model>): void;
/**
 * What was missed comes next; only then, `stands`.
 *
 * @param {Draft} m
 * @param {Payload} welcome
 * @param {boolean} voided Whether what we sent without an answer is void.
 */
export function welcome(m: Draft, { user, grace, ring_timeout, server_time, call }: Payload, voided: boolean): void;
/** @param {Draft} m @param {Payload | null} standing @param {boolean} recovered Whether all that was missed has been told. */
export function stands(m: Draft, standing: Payload | null, recovered: boolean): void;
/** @param {Draft} m @param {CoreCall | null} call As another tab of this browser had it. */
export function inherit(m: Draft, call: CoreCall | null): void;
/**
 * Where things stand, by the server's word after each connect; and by that of the tab that held the connection before.
 */
export type CoreCall = import("../types.js").CoreCall;
/**
 * Where things stand, by the server's word after each connect; and by that of the tab that held the connection before.
 */
export type Payload = import("../types.js").Payload;
/**
 * Where things stand, by the server's word after each connect; and by that of the tab that held the connection before.
 */
export type Draft = import("./model.js").Draft;
