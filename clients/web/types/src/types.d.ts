/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Media = "audio" | "video";
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type DeviceState = "on" | "muted" | "off" | "refused" | "missing" | "busy";
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Devices = {
    audio: DeviceState;
    video: DeviceState;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type ConnectionState = "idle" | "connecting" | "online" | "reconnecting" | "replaced" | "failed";
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type CallState = "outgoing" | "ringing" | "incoming" | "connecting" | "connected" | "reconnecting" | "detached" | "ended";
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Reason = import("./errors.js").Reason;
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Code = import("./errors.js").Code;
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type CarillonError = import("./errors.js").CarillonError;
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type User = {
    id: string;
    /**
     * The name, else the username, else the id.
     */
    name: string;
    /**
     * `""` if unknown.
     */
    username: string;
    /**
     * A URL, or `""`.
     */
    image: string;
};
/**
 * What the state machine knows of a call; see `Call`.
 */
export type CoreCall = {
    /**
     * Counts the calls of this page.
     */
    key: number;
    id: string | null;
    direction: "outgoing" | "incoming";
    state: CallState;
    peer: User;
    media: Media;
    data: string | null;
    alerting: null | "socket" | "push" | "failed";
    /**
     * Unix ms.
     */
    ringsUntil: number | null;
    /**
     * Unix ms.
     */
    startedAt: number;
    /**
     * Unix ms.
     */
    connectedAt: number | null;
    /**
     * Unix ms.
     */
    endedAt: number | null;
    reason: Reason | null;
    message: string | null;
    here: boolean;
    muted: boolean;
    local: Devices;
    remote: Devices;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Call = CoreCall & {
    localStream: MediaStream | null;
    remoteStream: MediaStream | null;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Quality = {
    level: "good" | "fair" | "poor";
    /**
     * Seconds.
     */
    rtt: number | null;
    /**
     * Seconds.
     */
    jitter: number | null;
    /**
     * A share, from 0 to 1.
     */
    loss: number;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Options = {
    /**
     * Of `/ws`.
     */
    url: string | (() => string);
    getToken: () => string | Promise<string>;
    iceServers?: RTCIceServer[] | undefined;
    iceTransportPolicy?: RTCIceTransportPolicy | undefined;
    media?: boolean | undefined;
    protocol?: "carillon.v1" | "reference" | undefined;
    tabs?: boolean | undefined;
    /**
     * Of the token, with the user id.
     */
    userClaim?: string | undefined;
    storage?: Storage | null | undefined;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type StartOptions = {
    media?: Media | undefined;
    /**
     * At most 1 KiB.
     */
    data?: string | undefined;
    deviceToken?: string | undefined;
    deviceOs?: "android" | "ios" | undefined;
    listenOnly?: boolean | undefined;
    name?: string | undefined;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Signal = {
    type: SignalType;
    payload: Payload;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type SignalType = "webrtc.offer" | "webrtc.answer" | "webrtc.ice";
/**
 * The detail of each event.
 */
export type Events = {
    state: {
        state: ConnectionState;
        error: CarillonError | null;
        retryAt: number | null;
    };
    call: {
        call: Call;
    };
    incoming: {
        call: Call;
    };
    ended: {
        call: Call;
    };
    missed: {
        call: Call;
    };
    error: {
        error: CarillonError;
    };
    quality: Quality;
    signal: Signal;
};
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Payload = Record<string, any>;
/**
 * The shapes that API.md documents, and those that the modules hand each other.
 */
export type Message = {
    type: string;
    payload: Payload;
    seq?: number;
    n?: number;
};
