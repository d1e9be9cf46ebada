/* The keys of a person on the password page: makes one (shown once), revokes one. */
(function () {
  "use strict";
  async function post(path, csrf, body) {
    const answer = await fetch(path, { method: "POST", cache: "no-store",
      headers: { "Content-Type": "application/json", "X-QD-CSRF": csrf }, body: JSON.stringify(body) });
    return { ok: answer.ok, content: await answer.json() };
  }
  const silent = { ok: false, content: { detail: "the desk does not answer: load the page again and look" } };

  async function make(form, csrf) {
    const given = Object.fromEntries(new FormData(form));
    const known = await post("/api/v1/reauthenticate", csrf, { password: given.password });
    if (!known.ok) return known;
    return post("/api/v1/keys", csrf, { name: given.name, scope: given.scope, days: Number(given.days) });
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!("makeKey" in form.dataset)) return;
    event.preventDefault();
    const message = form.querySelector("[data-message]"), shown = form.querySelector("[data-new-key]");
    const button = form.querySelector("button[type=submit]");
    message.textContent = "";
    shown.textContent = "";
    button.disabled = true;
    let result = silent;
    try { result = await make(form, form.closest("[data-csrf]").dataset.csrf); } catch (failure) { result = silent; }
    button.disabled = false;
    form.querySelector("[name=password]").value = "";
    if (!result.ok) { message.textContent = result.content.detail || "refused"; return; }
    /* the only place where it is ever seen: it stays until the person leaves the page */
    const key = document.createElement("code"), done = document.createElement("a");
    key.textContent = result.content.key;
    done.textContent = "Done";
    done.className = "button";
    done.href = "/password";
    shown.append("Copy this key now, it is shown only once: ", key, " ", done);
    button.disabled = true;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-revoke]");
    if (!button) return;
    const home = button.closest("[data-csrf]");
    button.disabled = true;
    let result = silent;
    try { result = await post(`/api/v1/keys/${button.dataset.revoke}/revoke`, home.dataset.csrf, {}); }
    catch (failure) { result = silent; }
    if (result.ok) { location.reload(); return; }
    home.querySelector("[data-revoke-message]").textContent = result.content.detail || "refused";
    button.disabled = false;
  });
})();
