/**
 * @param {import("./session.js").Session} session
 * @param {import("./timers.js").Timers} timers
 * @param {Owner} owner
 */
export function createConnection(session: import("./session.js").Session, timers: import("./timers.js").Timers, owner: Owner): {
    open: (token?: string) => void;
    /** Whether messages can be sent now. */
    up: () => boolean;
    /** @param {string} type @param {Payload} payload */
    send: (type: string, payload: Payload) => void;
    leave: () => void;
    /** Another tab takes over. */
    yield: () => void;
    /** The page is being hidden for good, reloaded, or kept for the Back button; where that brings it back, `doubt` does the rest. */
    hide(): void;
    /** Something happened to the network or to the page: does the socket still live? @param {boolean} [network] */
    doubt(network?: boolean): void;
};
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for, since its `onclose` may take a minute: what it still says is not heard, and what timers were set for it do nothing.
 */
export type Message = import("./types.js").Message;
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for, since its `onclose` may take a minute: what it still says is not heard, and what timers were set for it do nothing.
 */
export type Payload = import("./types.js").Payload;
/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for, since its `onclose` may take a minute: what it still says is not heard, and what timers were set for it do nothing.
 */
export type Owner = {
    url: () => string;
    getToken: () => string | Promise<string>;
    /**
     * Whether to connect with it; if not, `open` is called later.
     */
    admit: (token: string) => boolean;
    /**
     * Null: for good, until `open`.
     */
    onLost: (error: CarillonError, retryAt: number | null) => void;
    onHeard: (heard: import("./session.js").Heard) => void;
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
export type Connection = ReturnType<typeof createConnection>;
import { CarillonError } from "./errors.js";
