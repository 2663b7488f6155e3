/** The example in the README, run as it stands against a real server. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import * as sdk from "../carillon.js";
import { install } from "./browser.js";
import { Cluster, token, until } from "./server.js";

install();
const cluster = new Cluster();
after(() => cluster.stop());

test("the README's example makes a call", async () => {
  const server = await (await cluster.start()).server();
  const bob = new sdk.CarillonClient({ url: server.url, getToken: () => token("bob"), storage: null });
  bob.on("incoming", () => bob.accept());
  await bob.connect();
  const audio = { srcObject: null };
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = (/```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "").replace(/^import .*$/m, "").replace("wss://calls.example.com/ws", server.url);
  const run = new Function("CarillonClient", "fetchToken", "document", "console", `return (async () => {${code}; return client;})()`);
  const client = await run(sdk.CarillonClient, () => token("alice"), { querySelector: () => audio }, { log() {} });
  await until(() => client.call?.state === "connected", "connected");
  assert.equal(audio.srcObject, client.call.remoteStream);
  client.disconnect();
  bob.disconnect();
});
