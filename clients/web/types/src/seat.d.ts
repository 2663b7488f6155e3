/**
 * @param {import("./types.js").Options} options
 * @param {<T extends keyof Events>(type: T, detail: Events[T]) => void} emit
 * @param {(method: string, args: unknown[]) => unknown} run What another tab asks of the client.
 */
export function createSeat(options: import("./types.js").Options, emit: <T extends keyof Events>(type: T, detail: Events[T]) => void, run: (method: string, args: unknown[]) => unknown): {
    media: {
        acquire(wanted: Parameters<({ key, media, listenOnly }: {
            key: number;
            media: Media;
            listenOnly: boolean;
        }) => Promise<void>>[0]): void;
        mute: (muted: boolean) => void;
        swap: (key: number, kind: Media, on?: boolean) => Promise<undefined>;
        meet: (polite: boolean, offer: boolean) => void;
        hear: (signal: import("./call-media.js").Signal) => undefined;
        restart: (down?: boolean) => void;
        quality: () => Promise<Quality | null>;
        observe: () => void;
        streams: () => {
            localStream: MediaStream | null;
            remoteStream: MediaStream | null;
        };
        refusal: () => CarillonError | null;
        choose(kind: Media, id: string): Promise<void>;
        plugged(): void;
        release(): void;
    };
    here: () => boolean;
    claim: () => Promise<void>;
    check: (id: string) => Promise<Payload>;
    call: () => import("./types.js").Call | null;
    /** @param {string} type @param {Payload} payload */
    signal(type: string, payload: Payload): void;
    /** @param {string} method @param {unknown[]} args */
    ask: (method: string, args: unknown[]) => Promise<any>;
    connect(): void;
    leave(): void;
    model: () => import("./core/model.js").Model;
    shown: () => import("./core/model.js").Model;
    take: <Rest extends unknown[]>(rule: (draft: import("./core/model.js").Draft, ...rest: Rest) => void, ...rest: Rest) => void;
    until: <T>(look: () => T | null) => Promise<T>;
    lead(begun: Model): void;
    follow(theirs: Model): void;
    during: <T>(key: number, look: (call: CoreCall) => T | null) => Promise<T>;
};
/**
 * The one connection that a user has in a browser: this tab holds it, or another one does and this tab shows what that one has.
 */
export type Events = import("./types.js").Events;
/**
 * The one connection that a user has in a browser: this tab holds it, or another one does and this tab shows what that one has.
 */
export type Payload = import("./types.js").Payload;
/**
 * The one connection that a user has in a browser: this tab holds it, or another one does and this tab shows what that one has.
 */
export type Signal = import("./types.js").Signal;
import { CarillonError } from "./errors.js";
