/**
 * @param {Model} model
 * @param {Event} event
 * @param {number} now Unix ms.
 * @returns {[Model, Effect[]]}
 */
export function reduce(model: Model, event: Event, now: number): [Model, Effect[]];
/**
 * @param {Payload | null | undefined} info
 * @param {string} [id]
 * @returns {User}
 */
export function userOf(info: Payload | null | undefined, id?: string): User;
/** @type {Record<CallState, readonly CallState[]>} */
export const NEXT: Record<CallState, readonly CallState[]>;
export function initial(media: boolean, carry?: string | null): Model;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type CoreCall = import("./types.js").CoreCall;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type CallState = import("./types.js").CallState;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type ConnectionState = import("./types.js").ConnectionState;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Devices = import("./types.js").Devices;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Media = import("./types.js").Media;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Message = import("./types.js").Message;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Payload = import("./types.js").Payload;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Reason = import("./types.js").Reason;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type User = import("./types.js").User;
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type CarillonError = import("./errors.js").CarillonError;
/**
 * What the call at hand waits for.
 */
export type Work = {
    /**
     * `media`: the microphone, before a start; `turn`: the answer to
     * an earlier start that was given up; `sent`: the answer to our start; `answer`: the microphone, before an accept; `answered`: nothing, the
     * accept is on its way; `carry`: the microphone, for a call that is accepted already.
     */
    step: "media" | "turn" | "sent" | "answer" | "answered" | "carry";
    /**
     * Of `call.start`.
     */
    start?: import("./types.js").Payload | undefined;
};
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Model = {
    state: ConnectionState;
    error: CarillonError | null;
    retryAt: number | null;
    user: User | null;
    call: CoreCall | null;
    work: Work | null;
    /**
     * Of the last call.
     */
    serial: number;
    /**
     * When the present state of the call has lasted too long.
     */
    until: number | null;
    /**
     * In negotiation.
     */
    polite: boolean;
    /**
     * A ring that came while our own start was unanswered.
     */
    rival: Payload | null;
    /**
     * Whether a start without an answer was lost, unless what stands is its call.
     */
    voided: boolean;
    /**
     * Starts that were sent, then given up; their answers are to come first.
     */
    ghosts: number;
    /**
     * Calls that we ended, which the server may not know yet.
     */
    over: readonly string[];
    /**
     * The call that this page carried before it was reloaded.
     */
    carry: string | null;
    /**
     * Since when there is no connection.
     */
    downAt: number | null;
    /**
     * The call that stands once the replay is through.
     */
    standing: Payload | null;
    /**
     * ms
     */
    grace: number;
    /**
     * ms
     */
    ring: number;
    /**
     * Our clock minus the server's, ms.
     */
    skew: number;
    /**
     * Whether media is ours to care for.
     */
    media: boolean;
};
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Effect = {
    do: "send";
    type: string;
    payload: Payload;
} | {
    do: "acquire";
    key: number;
    media: Media;
    listenOnly: boolean;
} | {
    do: "peer";
    polite: boolean;
    offer: boolean;
} | {
    do: "repair";
} | {
    do: "ended";
    call: CoreCall;
    silent?: boolean;
    retryAfter: number | null;
};
/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 */
export type Event = {
    type: "connection";
    state: ConnectionState;
    error?: CarillonError | null;
    retryAt?: number | null;
} | {
    type: "welcome";
    user: User;
    grace: number;
    ring: number;
    skew: number;
    voided: boolean;
    standing: Payload | null;
} | {
    type: "standing";
    call: Payload | null;
    recovered: boolean;
} | {
    type: "message";
    message: Message;
    about?: Message;
    replay?: boolean;
} | {
    type: "inherit";
    call: CoreCall | null;
} | {
    type: "start";
    peer: User;
    media: Media;
    listenOnly: boolean;
    payload: Payload;
} | {
    type: "accept";
    media: Media;
    listenOnly: boolean;
} | {
    type: "resume";
} | {
    type: "reject";
} | {
    type: "end";
} | {
    type: "tick";
} | {
    type: "acquired";
    key: number;
    local: Devices;
} | {
    type: "denied";
    key: number;
    code: Reason;
    local: Devices;
} | {
    type: "flow";
    key: number;
    up: boolean;
} | {
    type: "devices";
    key: number;
    muted?: boolean;
    local?: Partial<Devices>;
    remote?: Partial<Devices>;
};
