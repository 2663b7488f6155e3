/**
 * @param {string} token
 * @param {string} [claim] That holds the user id; where it is missing, `sub`.
 * @returns {import("./types.js").Payload} As the server's `user`; `user_id` is `""` if the token does not tell.
 */
export function bearer(token: string, claim?: string): import("./types.js").Payload;
export function expiry(token: string): number | null;
