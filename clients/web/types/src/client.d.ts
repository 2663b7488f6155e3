export class CarillonClient extends EventTarget {
    /** @param {Options} options */
    constructor(options: Options);
    get state(): import("./types.js").ConnectionState;
    get error(): CarillonError | null;
    /** Unix ms of the next attempt while `connecting` or `reconnecting`, or null. */
    get retryAt(): number | null;
    get user(): import("./types.js").User | null;
    get call(): import("./types.js").Call | null;
    /** Whether this tab holds the connection. */
    get here(): boolean;
    /**
     * Resolves when `online`; rejects when `failed`, `replaced` or left. Goes on trying while the server is away.
     *
     * @returns {Promise<void>}
     */
    connect(): Promise<void>;
    /** Hangs up and leaves. */
    disconnect(): void;
    /**
     * Resolves when it rings, rejects when it does not.
     *
     * @param {string} userId
     * @param {StartOptions} [options]
     * @returns {Promise<Call>}
     */
    start(userId: string, { media, data, deviceToken, deviceOs, listenOnly, name }?: StartOptions): Promise<Call>;
    /**
     * Resolves when it is `connecting`. A refused microphone rejects, and the call rings on.
     *
     * @param {{ media?: Media, listenOnly?: boolean }} [options]
     * @returns {Promise<Call>}
     */
    accept({ media, listenOnly }?: {
        media?: Media;
        listenOnly?: boolean;
    }): Promise<Call>;
    /** Declines the incoming call. */
    reject(): void;
    /** Hangs up, cancels or declines: whatever ends the call now. */
    end(): void;
    /**
     * Takes a `detached` call, or one in another tab, into this tab.
     *
     * @returns {Promise<Call>}
     */
    resume(): Promise<Call>;
    /** @param {boolean} muted */
    setMuted(muted: boolean): void;
    /**
     * Turns the camera on or off, also in a call that began as audio.
     *
     * @param {boolean} on
     * @returns {Promise<void>}
     */
    setCamera(on: boolean): Promise<void>;
    /**
     * For this call and the next ones.
     *
     * @param {"audioinput" | "videoinput"} kind
     * @param {string} deviceId
     * @returns {Promise<void>}
     */
    useDevice(kind: "audioinput" | "videoinput", deviceId: string): Promise<void>;
    /**
     * Measured now; null unless `connected`.
     *
     * @returns {Promise<Quality | null>}
     */
    quality(): Promise<Quality | null>;
    /**
     * Whether a call still stands.
     *
     * @param {string} callId
     * @returns {Promise<boolean>}
     */
    check(callId: string): Promise<boolean>;
    /**
     * With `media: false`: sends `webrtc.offer`, `webrtc.answer` or `webrtc.ice` to the peer.
     *
     * @param {SignalType} type
     * @param {Payload} payload
     */
    signal(type: SignalType, payload: Payload): void;
    /**
     * `addEventListener` with `event.detail` as the argument.
     *
     * @template {keyof Events} T
     * @param {T} type
     * @param {(detail: Events[T]) => void} listener
     * @returns {() => void} Removes it.
     */
    on<T extends keyof Events>(type: T, listener: (detail: Events[T]) => void): () => void;
    #private;
}
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Call = import("./types.js").Call;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type CoreCall = import("./types.js").CoreCall;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Events = import("./types.js").Events;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Media = import("./types.js").Media;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Options = import("./types.js").Options;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Payload = import("./types.js").Payload;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Quality = import("./types.js").Quality;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type Signal = import("./types.js").Signal;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type SignalType = import("./types.js").SignalType;
/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 */
export type StartOptions = import("./types.js").StartOptions;
import { CarillonError } from "./errors.js";
