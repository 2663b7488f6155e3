/** Why calls end and what can go wrong, each with a sentence for a person: what happened, and what to do. */

const VOICE = "The call goes on without video.";

/** Of a call; `$` is the peer's name. */
const REASONS = {
  hung_up: "You hung up.",
  peer_hung_up: "$ hung up.",
  cancelled: "You cancelled the call.",
  declined: "You declined the call.",
  peer_declined: "$ declined the call.",
  no_answer: "$ did not answer.",
  missed: "You missed a call from $.",
  busy: "$ is in another call. Try again later.",
  in_call: "You are already in a call. Hang up first.",
  offline: "$ cannot be reached right now. Try again later.",
  self_call: "You cannot call yourself.",
  peer_lost: "The connection to $ was lost.",
  lost: "Your connection was lost for too long. Check your network, then try again.",
  media_failed: "No sound gets through to $. Try another network.",
  replaced: "The call goes on where you signed in last.",
  rate_limited: "Too many calls in a short time. Try again in a moment.",
  unavailable: "The call service does not answer. Try again in a moment.",
  failed: "The call could not be made. Tell the people who run this service.",
  microphone_refused: "The microphone is blocked. Allow it for this page in the browser's address bar, then try again.",
  microphone_missing: "No microphone was found. Plug one in, then try again.",
  microphone_busy: "Another program uses the microphone. Close it, then try again.",
  media_insecure: "Calls need a secure page. Open this page with https.",
};

/** Of everything else; `replaced` says more here than as the reason of a call. */
const CODES = {
  ...REASONS,
  replaced: "You are signed in somewhere else now. Connect again to use calls here.",
  token_failed: "You could not be signed in. Check your network; trying again.",
  token_refused: "Your sign-in was not accepted. Sign in again.",
  origin_refused: "This page may not use the call service. Tell the people who run this service.",
  unreachable: "The call service cannot be reached. Check your network; trying again.",
  not_connected: "You are not connected. Connect first.",
  no_call: "There is no call.",
  call_over: "The call is over.",
  microphone_lost: "The microphone stopped working. Plug it in again, or choose another.",
  camera_refused: `The camera is blocked. Allow it for this page in the browser's address bar. ${VOICE}`,
  camera_missing: `No camera was found. ${VOICE}`,
  camera_busy: `Another program uses the camera. ${VOICE}`,
  camera_lost: `The camera stopped working. ${VOICE}`,
  invalid: "",
};

/** @typedef {keyof typeof REASONS} Reason */
/** @typedef {keyof typeof CODES} Code */

/**
 * @param {Reason} reason
 * @param {string} name The peer's.
 */
export const sentence = (reason, name) => REASONS[reason].replace("$", () => name);

/** The only error that promises of a client reject with. */
export class CarillonError extends Error {
  /**
   * @param {Code} code
   * @param {{ message?: string | null, retryAfter?: number | null, cause?: unknown }} [more]
   */
  constructor(code, { message, retryAfter = null, cause } = {}) {
    super(message ?? CODES[code], { cause });
    this.name = "CarillonError";
    /** One of the codes in API.md. */
    this.code = code;
    /** Seconds after which trying again makes sense, or null. */
    this.retryAfter = retryAfter;
  }
}

/** A mistake of the program. @param {string} name Of an argument. @param {unknown} [cause] */
export const invalid = (name, cause) => new CarillonError("invalid", { message: `Wrong ${name}: see API.md.`, cause });
