export { CarillonClient } from "./src/client.js";
export { CarillonError } from "./src/errors.js";
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type Call = import("./src/types.js").Call;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type CallState = import("./src/types.js").CallState;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type ConnectionState = import("./src/types.js").ConnectionState;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type Events = import("./src/types.js").Events;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type Media = import("./src/types.js").Media;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type Options = import("./src/types.js").Options;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type Quality = import("./src/types.js").Quality;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type Reason = import("./src/types.js").Reason;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type StartOptions = import("./src/types.js").StartOptions;
/**
 * Calls over a Carillon (or GoRing) signaling server: `CarillonClient` is one user in one page. See API.md.
 */
export type User = import("./src/types.js").User;
