/**
 * @template T
 * @param {number} ms
 * @param {() => T | Promise<T>} ask
 * @returns {Promise<T>}
 */
export function within<T>(ms: number, ask: () => T | Promise<T>): Promise<T>;
export function backoff(failures: number, chance: number): number;
export function hint(reason: string): number | null;
export class Connection {
    /**
     * @param {object} parts
     * @param {() => string} parts.url
     * @param {() => string | Promise<string>} parts.getToken
     * @param {boolean} parts.v1
     * @param {import("./session.js").Session} parts.session
     * @param {import("./timers.js").Timers} parts.timers
     * @param {Watcher} parts.watcher
     */
    constructor({ url, getToken, v1, session, timers, watcher }: {
        url: () => string;
        getToken: () => string | Promise<string>;
        v1: boolean;
        session: import("./session.js").Session;
        timers: import("./timers.js").Timers;
        watcher: Watcher;
    });
    /** Welcomed. */
    up: boolean;
    /** Connect now, whatever was waited for. */
    open(): void;
    /**
     * @param {string} type
     * @param {Payload} payload
     */
    send(type: string, payload: Payload): void;
    /** @param {number} code 1000 to leave, which ends a call. */
    close(code?: number): void;
    /** The page is being hidden for good, reloaded, or kept for the Back button. */
    hide(): void;
    /**
     * Something happened to the network or to the page: does the socket still live?
     *
     * @param {boolean} networkChanged
     */
    doubt(networkChanged: boolean): void;
    #private;
}
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for: its `onclose` may take a minute.
 */
export type Message = import("./types.js").Message;
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for: its `onclose` may take a minute.
 */
export type Payload = import("./types.js").Payload;
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for: its `onclose` may take a minute.
 */
export type Heard = import("./session.js").Heard;
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for: its `onclose` may take a minute.
 */
export type Watcher = {
    onDown: (error: CarillonError, retryAt: number) => void;
    /**
     * The token or the page is refused, for good.
     */
    onFailed: (error: CarillonError) => void;
    onReplaced: () => void;
    onHeard: (heard: Heard, token: string) => void;
    /**
     * A server without sessions has let us in.
     */
    onOpen: (token: string) => void;
    /**
     * The socket lives although the network changed.
     */
    onProved: () => void;
    onError: (error: CarillonError) => void;
};
import { CarillonError } from "./errors.js";
