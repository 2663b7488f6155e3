/** What is asked before there is a user: which of the demo's, or a token. */

import { $ } from "./dom.js";
import { showChoices } from "./people.js";
import { complain } from "./problems.js";

export class SignIn {
  /** choose(identity): `{ id }` of a demo user, or `{ token }`. */
  constructor(choose) {
    this.choose = choose;
    $("token-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.take($("token").value.trim().replace(/^bearer\s+/iu, ""));
    });
  }

  /** users: the demo's, or null where there are none. */
  show(users) {
    $("sign-in").hidden = false;
    this.offer(users);
    if (!users?.length) $("sign-in-token").open = true;
    $("sign-in-title").focus({ preventScroll: true });
  }

  /** Who is there now, while it is shown. */
  offer(users) {
    if (!$("sign-in").hidden) showChoices(users ?? [], (id) => this.choose({ id }));
    $("sign-in-demo").hidden = !users?.length;
  }

  hide() {
    $("sign-in").hidden = true;
  }

  take(token) {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/u.test(token)) {
      complain("This is not a token: a JWT has three parts with dots between them. Copy the whole of it.");
      $("token").focus();
      return;
    }
    $("token").value = "";
    this.choose({ token });
  }
}
