/**
 * @param {string} name One for each server and user.
 * @param {import("./waiting.js").Answers} answers
 * @param {object} owner
 * @param {() => void} owner.onLead
 * @param {() => void} owner.onFollow Another tab took over.
 * @param {(shown: any) => void} owner.onShown What the tab that leads has posted.
 * @param {() => void} owner.onNew Another tab wants to know what is shown here, where the connection is.
 * @param {(method: string, args: unknown[]) => unknown} owner.run
 */
export function createTabs(name: string, answers: import("./waiting.js").Answers, owner: {
    onLead: () => void;
    onFollow: () => void;
    onShown: (shown: any) => void;
    onNew: () => void;
    run: (method: string, args: unknown[]) => unknown;
}): {
    /** Whether this tab holds the connection. */
    leads: () => boolean;
    queue: () => void;
    /** Take the place now. */
    steal(): void;
    /** @param {object} shown For all other tabs. */
    show: (shown: object) => false | void;
    /**
     * @param {string} method Of the client in the tab that leads.
     * @param {unknown[]} args
     * @returns {Promise<any>}
     */
    ask(method: string, args: unknown[]): Promise<any>;
    leave(): void;
};
export function told(error: CarillonError | null): Told | null;
export function heard(told?: Told | null): CarillonError | null;
export function shareable(): boolean;
export function alone(id: string): Promise<boolean>;
/**
 * Tabs of one browser and user share one connection: a Web Lock elects the tab that holds it, a BroadcastChannel tells the others what it
 * shows and brings it what is asked of them.
 */
export type Code = import("./types.js").Code;
/**
 * An error, as a channel can carry it.
 */
export type Told = {
    code: Code;
    message: string;
};
export type Tabs = ReturnType<typeof createTabs>;
import { CarillonError } from "./errors.js";
