/**
 * @param {import("./machine.js").Machine} machine
 * @param {Pick<import("./call-media.js").CallMedia, "streams" | "observe">} media
 * @param {import("./memory.js").Memory} memory
 * @param {Place} place
 * @param {<T extends keyof Events>(type: T, detail: Events[T]) => void} emit
 */
export function createView({ model, shown, follow }: import("./machine.js").Machine, media: Pick<import("./call-media.js").CallMedia, "streams" | "observe">, memory: import("./memory.js").Memory, { here, post }: Place, emit: <T extends keyof Events>(type: T, detail: Events[T]) => void): {
    changed: (before: Model, now: Model) => void;
    ended: (about: Ended) => void;
    show: () => void;
    /** What the tab that holds the connection has posted. @param {any} theirs */
    mirror({ ended, error, ...theirs }: any): void;
    call: () => import("./types.js").Call | null;
};
/**
 * What is shown: to the page, in events and a snapshot of the call; and to the other tabs, where this one holds the connection.
 */
export type Call = import("./types.js").Call;
/**
 * What is shown: to the page, in events and a snapshot of the call; and to the other tabs, where this one holds the connection.
 */
export type Events = import("./types.js").Events;
/**
 * What is shown: to the page, in events and a snapshot of the call; and to the other tabs, where this one holds the connection.
 */
export type Model = import("./core/model.js").Model;
/**
 * What is shown: to the page, in events and a snapshot of the call; and to the other tabs, where this one holds the connection.
 */
export type Ended = import("./machine.js").Ended;
/**
 * What is shown: to the page, in events and a snapshot of the call; and to the other tabs, where this one holds the connection.
 */
export type Place = {
    /**
     * Whether this tab holds the connection.
     */
    here: () => boolean;
    /**
     * To the other tabs.
     */
    post: (shown: object) => void;
};
