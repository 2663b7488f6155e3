/** What a token says of itself; only the server can tell whether it is true. */

/**
 * @param {string} token A JWT.
 * @returns {import("./types.js").Payload}
 */
export function claims(token) {
  try {
    const body = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0)))) ?? {};
  } catch {
    return {};
  }
}

/**
 * @param {string} token
 * @returns {number | null} Unix seconds.
 */
export const expiry = (token) => claims(token).exp ?? null;
