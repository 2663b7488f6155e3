/** The lists: who can be called, and which calls there were. Rows are kept, so that the focus stays where it is. */

import { $, el, picture, tell, write } from "./dom.js";
import { outcome, PRESENCE } from "./words.js";

/** users: [{ id, name, image, presence }]; choose(id). */
export function showChoices(users, choose) {
  keep($("sign-in-users"), users, (user) => {
    const button = el("button", { type: "button", class: "choice" }, picture(user), el("span", {}, user.name), el("small"));
    button.addEventListener("click", () => choose(user.id));
    return el("li", {}, button);
  }, (row, user) => write(row.querySelector("small"), user.presence === "offline" ? "" : "already in another window"));
}

/** call(user, media); me: our user id. */
export function showContacts(users, me, call) {
  const others = users.filter((user) => user.id !== me);
  keep($("contacts"), others, (user) => contact(user, call), (row, user) => {
    row.dataset.presence = user.presence;
    write(row.querySelector("small"), PRESENCE[user.presence] ?? "");
  });
  const alone = others.length > 0 && others.every((user) => user.presence === "offline");
  $("alone").hidden = !alone;
  if (alone) {
    write($("second"), `Open a second window as ${others[0].name}`);
    $("second").href = `?user=${encodeURIComponent(others[0].id)}`;
  }
}

function contact(user, call) {
  return el("li", {}, picture(user), el("span", { class: "name" }, user.name, el("small")), ...callButtons(user, call));
}

function callButtons(user, call) {
  return [["audio", "Call"], ["video", "Video"]].map(([media, text]) => {
    const button = el("button", { type: "button", textContent: text, "aria-label": `${text === "Call" ? "Call" : "Video call with"} ${user.name}` });
    button.addEventListener("click", () => call(user, media));
    return button;
  });
}

export function showHistory(history, call) {
  const { entries, missed } = history;
  keep($("history"), entries, (entry) => {
    const when = el("time", { dateTime: new Date(entry.at).toISOString(), textContent: moment(entry.at) });
    const name = el("span", { class: "name" }, entry.peer.name, el("small", {}, el("span", { class: "what" }), " · ", when));
    return el("li", {}, picture(entry.peer), name, callButtons(entry.peer, call)[0]);
  }, (row, entry) => {
    row.classList.toggle("missed", entry.missed);
    write(row.querySelector(".what"), outcome(entry));
  });
  $("recent-none").hidden = entries.length > 0;
  $("forget").hidden = entries.length === 0;
  tell($("missed"), missed ? `${missed} missed` : "");
  return missed;
}

/** Today's by the clock, older ones by the day. */
function moment(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString([], { timeStyle: "short" }) : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function keep(list, items, make, update) {
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const wanted = items.map((item) => {
    const row = rows.get(item.id) ?? make(item);
    row.dataset.id = item.id;
    update(row, item);
    return row;
  });
  const same = wanted.length === list.children.length && wanted.every((row, index) => row === list.children[index]);
  if (!same) list.replaceChildren(...wanted);
}
