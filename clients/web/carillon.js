/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 *
 * @typedef {import("./src/types.js").Call} Call
 * @typedef {import("./src/types.js").CallState} CallState
 * @typedef {import("./src/types.js").ConnectionState} ConnectionState
 * @typedef {import("./src/types.js").Events} Events
 * @typedef {import("./src/types.js").Media} Media
 * @typedef {import("./src/types.js").Options} Options
 * @typedef {import("./src/types.js").Quality} Quality
 * @typedef {import("./src/types.js").Reason} Reason
 * @typedef {import("./src/types.js").StartOptions} StartOptions
 * @typedef {import("./src/types.js").User} User
 */
export { CarillonClient } from "./src/client.js";
export { CarillonError } from "./src/errors.js";
