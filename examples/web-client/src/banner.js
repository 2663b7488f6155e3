/** Whether the service is reached, and what a person can do if not. */

import { $, say, tell } from "./dom.js";

let said = "";

/** shown: `{ text, action, bad }` as of `words.js`, or null; otherwise: what is said then, once, to screen readers. */
export function showBanner(shown, otherwise) {
  tell($("connection-text"), shown?.text);
  $("connection").hidden = !shown;
  $("connection").classList.toggle("bad", Boolean(shown?.bad));
  tell($("connection-action"), shown?.action);
  const spoken = (shown?.text ?? otherwise).replace(/ Trying again in.*/u, "");
  if (spoken !== said) say(spoken);
  said = spoken;
}
