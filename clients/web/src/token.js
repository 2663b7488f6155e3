/** What a token says of itself; only the server can tell whether it is true. */

/**
 * @param {string} token A JWT.
 * @returns {import("./types.js").Payload}
 */
function claims(token) {
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

/**
 * @param {string} token
 * @param {string} [claim] That holds the user id; where it is missing, `sub`.
 * @returns {import("./types.js").Payload} As the server's `user`; `user_id` is `""` if the token does not tell.
 */
export function bearer(token, claim = "hash") {
  const all = claims(token);
  return { ...all, user_id: String(all[claim] ?? all.sub ?? "") };
}
