/** Why calls end and what can go wrong, each with a sentence for a person: what happened, and what to do. */

const UNPLUGGED = "Plug it in again or choose another one.";
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
  lost: "Your connection was lost for too long, so the call ended. Check your network and call again.",
  media_failed: "No sound could get through between you and $. Try another network.",
  replaced: "The call goes on where you signed in last.",
  rate_limited: "Too many calls in a short time. Wait a moment and try again.",
  unavailable: "The call service does not answer right now. Try again in a moment.",
  failed: "The call could not be made. Try again; if it happens again, tell the people who run this service.",
  microphone_refused: "The microphone is blocked. Allow it for this page in the browser's address bar, then try again.",
  microphone_missing: "No microphone was found. Plug one in, then try again.",
  microphone_busy: "Another program uses the microphone. Close it, then try again.",
  media_insecure: "Calls need a secure page. Open this page with https.",
};

/** Of everything else; `replaced` says more here than as the reason of a call. */
const CODES = {
  ...REASONS,
  replaced: "You are signed in somewhere else now. Connect again to use calls here.",
  token_failed: "You could not be signed in: no token could be fetched. Trying again.",
  token_refused: "Your sign-in was not accepted. Sign in again.",
  origin_refused: "This page is not allowed to use the call service. Tell the people who run it.",
  unreachable: "The call service cannot be reached. Check your network; trying again.",
  not_connected: "You are not connected. Connect first.",
  no_call: "There is no call to do this with.",
  call_over: "The call is already over.",
  microphone_lost: `The microphone stopped working. ${UNPLUGGED}`,
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
    super(message ?? CODES[code].replace("$", "The other person"), { cause });
    this.name = "CarillonError";
    /** One of the codes in API.md. */
    this.code = code;
    /** Seconds after which trying again makes sense, or null. */
    this.retryAfter = retryAfter;
  }
}
