/** What a token says of itself; only the server can tell whether it is true. */
/**
 * @param {string} token A JWT.
 * @returns {import("./types.js").Payload}
 */
export function claims(token: string): import("./types.js").Payload;
export function expiry(token: string): number | null;
