export function sentence(reason: Reason, name: string): string;
/** The only error that promises of a client reject with. */
export class CarillonError extends Error {
    /**
     * @param {Code} code
     * @param {{ message?: string | null, retryAfter?: number | null, cause?: unknown }} [more]
     */
    constructor(code: Code, { message, retryAfter, cause }?: {
        message?: string | null;
        retryAfter?: number | null;
        cause?: unknown;
    });
    /** One of the codes in API.md. */
    code: "failed" | "invalid" | "offline" | "hung_up" | "peer_hung_up" | "cancelled" | "declined" | "peer_declined" | "no_answer" | "missed" | "busy" | "in_call" | "self_call" | "peer_lost" | "lost" | "media_failed" | "replaced" | "rate_limited" | "unavailable" | "microphone_refused" | "microphone_missing" | "microphone_busy" | "media_insecure" | "token_failed" | "token_refused" | "origin_refused" | "unreachable" | "not_connected" | "no_call" | "call_over" | "microphone_lost" | "camera_refused" | "camera_missing" | "camera_busy" | "camera_lost";
    /** Seconds after which trying again makes sense, or null. */
    retryAfter: number | null;
}
export function invalid(name: string, cause?: unknown): CarillonError;
export type Reason = keyof typeof REASONS;
export type Code = keyof typeof CODES;
declare namespace REASONS {
    let hung_up: string;
    let peer_hung_up: string;
    let cancelled: string;
    let declined: string;
    let peer_declined: string;
    let no_answer: string;
    let missed: string;
    let busy: string;
    let in_call: string;
    let offline: string;
    let self_call: string;
    let peer_lost: string;
    let lost: string;
    let media_failed: string;
    let replaced: string;
    let rate_limited: string;
    let unavailable: string;
    let failed: string;
    let microphone_refused: string;
    let microphone_missing: string;
    let microphone_busy: string;
    let media_insecure: string;
}
declare namespace CODES {
    let replaced_1: string;
    export { replaced_1 as replaced };
    export let token_failed: string;
    export let token_refused: string;
    export let origin_refused: string;
    export let unreachable: string;
    export let not_connected: string;
    export let no_call: string;
    export let call_over: string;
    export let microphone_lost: string;
    export let camera_refused: string;
    export let camera_missing: string;
    export let camera_busy: string;
    export let camera_lost: string;
    export let invalid: string;
}
export {};
