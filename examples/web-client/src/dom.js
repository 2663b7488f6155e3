/** Small tools for the page. Text goes in as text, never as markup: the policy of the page forbids that, and names come from others. */

/** @param {string} id */
export const $ = (id) => document.getElementById(id);

/** An element; `class` and `aria-…` as attributes, all else as properties. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Only what changed is written, so that screen readers hear it once. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows the text, or hides the element if there is none. */
export function tell(element, text) {
  write(element, text ?? "");
  element.hidden = !text;
}

/** The picture of a user, or their initials: pictures of other hosts are not loaded. */
export function picture(user, size = "") {
  const box = el("span", { class: `picture ${size}`, "aria-hidden": "true" });
  if (own(user.image)) {
    const image = el("img", { src: user.image, alt: "" });
    image.addEventListener("error", () => image.replaceWith(initials(user)));
    box.append(image);
  } else {
    box.append(initials(user));
  }
  return box;
}

/** Whatever somebody's token says, which need be no address at all. */
function own(image) {
  try {
    return Boolean(image) && (image.startsWith("data:") || new URL(image, location.href).origin === location.origin);
  } catch {
    return false;
  }
}

function initials({ name, id }) {
  const words = (name || id).split(/[\s._-]+/u).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
}

/** Said to screen readers. `urgent` interrupts. */
export function say(text, urgent = false) {
  const region = $(urgent ? "assertive" : "polite");
  if (region.textContent === text) region.textContent = "";
  region.textContent = text;
}

/** Something kept in the browser's storage, which may be full or forbidden: then for this page only. */
class Kept {
  memory = new Map();

  /** name: of the storage. To name it is forbidden already where it is. */
  constructor(name) {
    this.name = name;
  }

  get(key, otherwise) {
    try {
      const text = globalThis[this.name].getItem(`carillon.page.${key}`);
      return text === null ? otherwise : JSON.parse(text);
    } catch {
      return this.memory.get(key) ?? otherwise;
    }
  }

  set(key, value) {
    this.memory.set(key, value);
    try {
      globalThis[this.name].setItem(`carillon.page.${key}`, JSON.stringify(value));
    } catch {
      return;
    }
  }
}

/** For all tabs of this browser. */
export const kept = new Kept("localStorage");
/** For this tab, over reloads. */
export const keptHere = new Kept("sessionStorage");
