/**
 * Tabs of one browser and user share one connection: a Web Lock elects the tab that holds it, a BroadcastChannel tells the others.
 */
export class Tabs {
    static get possible(): boolean;
    /**
     * @param {string} name One for each server and user.
     * @param {object} watcher
     * @param {() => void} watcher.onLead
     * @param {() => void} watcher.onLost Another tab took over.
     * @param {(message: any) => void} watcher.onMessage
     */
    constructor(name: string, watcher: {
        onLead: () => void;
        onLost: () => void;
        onMessage: (message: any) => void;
    });
    /** Whether this tab holds the connection. */
    leads: boolean;
    /** Wait for the place. */
    queue(): void;
    /** Take the place now. */
    steal(): void;
    /** @param {object} message A structured clone of it is heard by every other tab. */
    post(message: object): void;
    leave(): void;
    #private;
}
export function alone(id: string): Promise<boolean>;
