/** Who this tab is: a demo user, or the bearer of a pasted token. Kept for reloads in this tab's sessionStorage only. */

import { keptHere } from "./dom.js";

/** A token is asked for anew when it has no more than this left; ms. */
const MARGIN = 600_000;

export const recall = () => keptHere.get("identity", null);
export const remember = (identity) => keptHere.set("identity", identity);
export const forget = () => keptHere.set("identity", null);

/** [{ id, name, image, presence }], or null where the server has no demo users. Rejects when it does not answer. */
export async function demoUsers() {
  const answer = await fetch("/demo/users", { signal: AbortSignal.timeout(5000) });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`/demo/users: ${answer.status}`);
  return answer.json();
}

/** What the SDK asks for tokens. A pasted one is all there is; a demo user's is fetched anew before it expires. */
export function tokenOf(identity) {
  if (identity.token) return () => identity.token;
  let token = null;
  return async () => {
    if (token && expiry(token) - Date.now() > MARGIN) return token;
    const answer = await fetch(`/demo/token/${encodeURIComponent(identity.id)}`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`/demo/token: ${answer.status}`);
    ({ token } = await answer.json());
    return token;
  };
}

function expiry(token) {
  const body = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(body)).exp * 1000;
}
