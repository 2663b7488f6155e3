/**
 * @typedef {{ id?: string | null, epoch?: string | null, seq?: number, answered?: number }} Cursor In the inbox: see session.js.
 *
 * @typedef {object} Own
 * @property {string} [tab] This one's id.
 * @property {string | null} [call] The id of the call that this tab carries.
 * @property {readonly string[]} [over] Calls that it ended, which the server may not know yet.
 */
/** @param {Storage | null} [storage] Undefined: those of the browser. */
export function createMemory(storage?: Storage | null): {
    /**
     * @param {string} url
     * @param {string} user Whose tabs share the connection; `""`: they do not, and share no place in the inbox either.
     */
    open(url: string, user: string): Promise<void>;
    /** @returns {Own} */
    own: () => Own;
    /** @param {string | null} call @param {readonly string[]} over */
    keep(call: string | null, over: readonly string[]): void;
    /** @returns {Cursor} */
    cursor: () => Cursor;
    /** @param {Cursor} cursor */
    move: (cursor: Cursor) => void;
};
/**
 * In the inbox: see session.js.
 */
export type Cursor = {
    id?: string | null;
    epoch?: string | null;
    seq?: number;
    answered?: number;
};
export type Own = {
    /**
     * This one's id.
     */
    tab?: string | undefined;
    /**
     * The id of the call that this tab carries.
     */
    call?: string | null | undefined;
    /**
     * Calls that it ended, which the server may not know yet.
     */
    over?: readonly string[] | undefined;
};
export type Memory = ReturnType<typeof createMemory>;
