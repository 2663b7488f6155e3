/** What is noticed when nobody looks at the page: its title and the system's notifications. */

import { $, tell, write } from "./dom.js";

const NAME = "Carillon";
let blink = null;
let notification = null;

/** calling: who rings here, or null. state: the call in a word, or null. missed: how many. */
export function title({ calling, state, missed }) {
  clearInterval(blink);
  const rest = `${missed ? `(${missed}) ` : ""}${state ? `${state} – ` : ""}${NAME}`;
  document.title = calling ? `${calling} is calling – ${NAME}` : rest;
  if (!calling) return;
  let even = true;
  blink = setInterval(() => {
    even = !even;
    document.title = even ? `${calling} is calling – ${NAME}` : `🔔 ${calling} – ${NAME}`;
  }, 1000);
}

const supported = "Notification" in window;

/** Told by the system if the page is not looked at. The same tag in all tabs: one notification. */
export function notify(text, body, tag, icon) {
  if (!supported || Notification.permission !== "granted" || (document.visibilityState === "visible" && document.hasFocus())) return;
  try {
    notification = new Notification(text, { body, tag, icon: icon || "icon.svg", requireInteraction: true });
    notification.onclick = () => {
      window.focus();
      notification?.close();
    };
  } catch {
    notification = null; // Android's Chrome lets only service workers notify
  }
}

export function withdraw() {
  notification?.close();
  notification = null;
}

/** The button in the settings and what stands under it. */
export function showPermission() {
  const permission = supported ? Notification.permission : "unsupported";
  $("notify").hidden = permission !== "default";
  tell($("notify-hint"), {
    default: "Then you are told of calls while this page is in the background.",
    granted: "Notifications are on: you are told of calls while this page is in the background.",
    denied: "Notifications are blocked. To be told of calls in the background, allow them for this page in the browser's address bar.",
    unsupported: "This browser shows no notifications for this page. Keep it visible, or the sound on, to notice calls.",
  }[permission]);
}

export async function askPermission() {
  await Notification.requestPermission();
  showPermission();
  write($("polite"), $("notify-hint").textContent);
}
