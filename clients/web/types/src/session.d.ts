/** @param {boolean} v1 Whether the server knows sessions; another one's messages are what they say, and no more. */
export function createSession(v1: boolean): {
    v1: boolean;
    /** The place in the conversation; what is here at the start of a connection is where it is taken up. */
    at: {
        /** @type {string | null} */
        id: string | null;
        /** @type {string | null} */
        epoch: string | null;
        /** The last `seq` taken. */
        seq: number;
        /** The highest `n` answered. */
        answered: number;
        /** @type {Required<Pick<Message, "type" | "payload" | "n">>[]} */
        outbox: Required<Pick<Message, "type" | "payload" | "n">>[];
    };
    receive: (message: Message) => Heard;
    /** The first message on a fresh socket. @returns {Message} */
    resume: () => Message;
    /**
     * @param {string} type
     * @param {Payload} payload
     * @returns {Message} To be sent; a numbered one stays in `outbox` until it is answered.
     */
    number(type: string, payload: Payload): Message;
};
/**
 * A client session: numbering, sending again, receipt in order. Pure; feed it every message. The protocol is in docs/protocol.md.
 */
export type Message = import("./types.js").Message;
/**
 * A client session: numbering, sending again, receipt in order. Pure; feed it every message. The protocol is in docs/protocol.md.
 */
export type Payload = import("./types.js").Payload;
/**
 * What a message means beside its content.
 */
export type Heard = {
    /**
     * The message, if it is to be acted upon.
     */
    news: Message | null;
    /**
     * To be sent at once.
     */
    replies: Message[];
    /**
     * Our own message that this error refuses.
     */
    about?: import("./types.js").Message | undefined;
    /**
     * It was missed, and is told now.
     */
    replay?: boolean | undefined;
    /**
     * Something is missing: drop the socket and resume.
     */
    gap?: boolean | undefined;
    /**
     * Send the outbox again after so many seconds.
     */
    flush?: number | undefined;
    /**
     * With this message all that was missed has been told: the welcome says where things stand.
     */
    settled?: import("./types.js").Payload | undefined;
    /**
     * It is another session: what we sent without an answer is void.
     */
    voided?: boolean | undefined;
};
export type Session = ReturnType<typeof createSession>;
