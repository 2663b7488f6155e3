/**
 * Named deadlines on one timer. `check` runs what is due: hidden tabs may run timers once a minute only, but messages are not delayed,
 * so that every message that comes also calls it.
 */
export function createTimers(): {
    check: () => void;
    /** Replaces the deadline of that name. @param {string} name @param {number} ms From now. @param {() => void} run */
    set(name: string, ms: number, run: () => void): void;
    /** @param {string[]} names */
    clear(...names: string[]): void;
    /** @param {string} name */
    has: (name: string) => boolean;
    stop(): void;
};
export type Timers = ReturnType<typeof createTimers>;
