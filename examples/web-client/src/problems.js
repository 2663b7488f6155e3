/** What went wrong, in a message that stays until somebody closes it or it is over. */

import { $, say, tell } from "./dom.js";

/** The devices that SDK errors name, which are over when the device is back. */
const LOST = { microphone_lost: "audio", camera_lost: "video" };
/** The kind of device that was lost, while that is said. */
let lacking = null;

/** An empty message takes away what is said. code: of an SDK error. */
export function complain(message, code = "") {
  lacking = LOST[code] ?? null;
  tell($("problem-text"), message);
  $("problem").hidden = !message;
  if (message) say(message, true);
}

export const orComplain = (promise) => promise.catch((error) => complain(error.message));

/** local: what a call has of our devices now. */
export function devicesAre(local) {
  if (lacking && ["on", "muted"].includes(local[lacking])) complain("");
}

$("problem-close").addEventListener("click", () => {
  complain("");
  ($("call").hidden ? $("people-title") : $("call-title")).focus();
});

function broken(error) {
  console.error(error);
  complain("Something in this page went wrong. Reload it: a call that is on survives that.");
}
addEventListener("error", (event) => broken(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => broken(event.reason));
