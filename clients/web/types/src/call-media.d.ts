/**
 * @param {import("./timers.js").Timers} timers
 * @param {import("./machine.js").Machine} machine
 * @param {import("./connection.js").Connection} connection
 * @param {Owner} owner
 */
export function createCallMedia(timers: import("./timers.js").Timers, { model, take }: import("./machine.js").Machine, { send, up }: import("./connection.js").Connection, owner: Owner): {
    /** @param {Parameters<typeof getMedia>[0]} wanted */
    acquire(wanted: Parameters<({ key, media, listenOnly }: {
        key: number;
        media: Media;
        listenOnly: boolean;
    }) => Promise<void>>[0]): void;
    mute: (muted: boolean) => void;
    swap: (key: number, kind: Media, on?: boolean) => Promise<undefined>;
    meet: (polite: boolean, offer: boolean) => void;
    hear: (signal: Signal) => undefined;
    restart: (down?: boolean) => void;
    quality: () => Promise<Quality | null>;
    observe: () => void;
    streams: () => {
        localStream: MediaStream | null;
        remoteStream: MediaStream | null;
    };
    refusal: () => CarillonError | null;
    /** For this call and the next ones. @param {Media} kind @param {string} id */
    choose(kind: Media, id: string): Promise<void>;
    /** A microphone was plugged in: use it where there was none. */
    plugged(): void;
    /** The call is no longer carried here. */
    release(): void;
};
export type CallMedia = ReturnType<typeof createCallMedia>;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type CoreCall = import("./types.js").CoreCall;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type Devices = import("./types.js").Devices;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type DeviceState = import("./types.js").DeviceState;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type Media = import("./types.js").Media;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type Payload = import("./types.js").Payload;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type Quality = import("./types.js").Quality;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type Signal = import("./types.js").Signal;
/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 */
export type Owner = {
    config: () => RTCConfiguration;
    onError: (error: CarillonError) => void;
    onQuality: (quality: Quality) => void;
};
import { CarillonError } from "./errors.js";
