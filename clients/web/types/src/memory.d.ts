/** @typedef {{ session?: string | null, epoch?: string | null, seq?: number, n?: number }} Cursor */
export class Memory {
    /** @param {Storage | null} [storage] Undefined: those of the browser. */
    constructor(storage?: Storage | null);
    /**
     * @param {string} url
     * @param {string} user
     * @param {boolean} tabs Whether they share the connection; otherwise they share no place in the inbox either.
     */
    open(url: string, user: string, tabs: boolean): Promise<void>;
    set cursor(cursor: Cursor);
    /** @returns {Cursor} */
    get cursor(): Cursor;
    set call(call: string | null);
    /** The id of the call that this tab carries. */
    get call(): string | null;
    set over(over: readonly string[]);
    get over(): readonly string[];
    #private;
}
export type Cursor = {
    session?: string | null;
    epoch?: string | null;
    seq?: number;
    n?: number;
};
