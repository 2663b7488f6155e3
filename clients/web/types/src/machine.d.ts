/**
 * @param {Model} model
 * @param {import("./timers.js").Timers} timers
 * @param {Owner} owner
 */
export function createMachine(model: Model, timers: import("./timers.js").Timers, owner: Owner): {
    model: () => import("./core/model.js").Model;
    shown: () => import("./core/model.js").Model;
    take: <Rest extends unknown[]>(rule: (draft: import("./core/model.js").Draft, ...rest: Rest) => void, ...rest: Rest) => void;
    until: <T>(look: () => T | null) => Promise<T>;
    /** This tab holds the connection, and begins with this. @param {Model} begun */
    lead(begun: Model): void;
    /** Another tab does, and shows this. @param {Model} theirs */
    follow(theirs: Model): void;
    /**
     * @template T
     * @param {number} key
     * @param {(call: CoreCall) => T | null} look Null: not yet. Throws to reject.
     * @returns {Promise<T>} Rejects if the call ends first.
     */
    during: <T>(key: number, look: (call: CoreCall) => T | null) => Promise<T>;
};
/**
 * Runs the rules of `core/`: has done what follows from each, and lets promises wait for what is shown.
 */
export type CoreCall = import("./types.js").CoreCall;
/**
 * Runs the rules of `core/`: has done what follows from each, and lets promises wait for what is shown.
 */
export type Model = import("./core/model.js").Model;
/**
 * silent: it never was the call at hand.
 */
export type Ended = {
    call: CoreCall;
    silent?: boolean;
    retryAfter?: number;
};
/**
 * Does what follows.
 */
export type Owner = {
    send: (type: string, payload: import("./types.js").Payload) => void;
    acquire: (wanted: {
        key: number;
        media: import("./types.js").Media;
        listenOnly: boolean;
    }) => void;
    meet: (polite: boolean, offer: boolean) => void;
    restart: () => void;
    ended: (ended: Ended) => void;
    /**
     * The call is over, or another one began.
     */
    release: () => void;
    changed: (before: Model, now: Model) => void;
};
export type Machine = ReturnType<typeof createMachine>;
