/** @param {Draft} m @param {User} peer @param {Media} media @param {boolean} listenOnly @param {Payload} payload Of `call.start`. */
export function start(m: Draft, peer: User, media: Media, listenOnly: boolean, payload: Payload): void;
/** @param {Draft} m @param {Media} [media] Otherwise what the caller asked for. @param {boolean} [listenOnly] */
export function accept(m: Draft, media?: Media, listenOnly?: boolean): void;
/** @param {Draft} m */
export function reject(m: Draft): void;
/** @param {Draft} m */
export function end(m: Draft): void;
/** @param {Draft} m */
export function resume(m: Draft): void;
/** @param {Draft} m @param {number} key @param {Devices} local What there is of microphone and camera. */
export function acquired(m: Draft, key: number, local: Devices): void;
/** No microphone, and nobody said that listening is enough. @param {Draft} m @param {number} key @param {Reason} code @param {Devices} local */
export function denied(m: Draft, key: number, code: Reason, local: Devices): void;
/** @param {Draft} m @param {number} key @param {boolean} up Whether media flows. */
export function flow(m: Draft, key: number, up: boolean): void;
/** @param {Draft} m @param {number} key @param {{ muted?: boolean, local?: Partial<Devices>, remote?: Partial<Devices> }} changes */
export function devices(m: Draft, key: number, { muted, local, remote }: {
    muted?: boolean;
    local?: Partial<Devices>;
    remote?: Partial<Devices>;
}): void;
/** The present state has lasted too long. @param {Draft} m */
export function tick(m: Draft): void;
/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 */
export type Devices = import("../types.js").Devices;
/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 */
export type Media = import("../types.js").Media;
/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 */
export type Payload = import("../types.js").Payload;
/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 */
export type Reason = import("../types.js").Reason;
/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 */
export type User = import("../types.js").User;
/**
 * What follows from what a person does, and from what the microphone, the media and the clock do in this page.
 */
export type Draft = import("./model.js").Draft;
