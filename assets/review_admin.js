/* Administration: sends the forms of people and shows a one-time password once. */
(function () {
  "use strict";
  const ANSWER_MS = 10000;

  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;

    function bodyOf(form) {
      const body = QD.collect(form);
      if (body.roles) body.roles = Object.keys(body.roles).filter((role) => body.roles[role]);
      return body;
    }
    async function post(path, body) {
      const result = await QD.post(path, body, ANSWER_MS);
      if (result.content.type !== "fresh") return result;
      return await QD.again(result.content.detail) ? QD.post(path, body, ANSWER_MS) : result;
    }
    /* the only place where it is ever seen: it stays until the person leaves the page */
    function oneTime(form, content) {
      const box = form.querySelector(".one-time"), done = make("a", "button", "Done");
      done.href = "/admin";
      box.textContent = "";
      box.append(make("span", "", `One-time password of ${content.login}, shown only now: `),
        make("code", "", content.password), " ", done);
      for (const button of form.querySelectorAll("[data-people-post]")) button.disabled = true;
    }
    async function act(button) {
      const data = button.dataset, form = button.closest("[data-people-form]");
      for (const spot of form.querySelectorAll("[data-error-for], .form-refusal")) write(spot, "");
      const body = data.body ? JSON.parse(data.body) : bodyOf(form);
      if (data.confirm && !await QD.confirm({ title: button.textContent, text: data.confirm, tone: "",
        typed: "", hold: 0, reason: "", fields: null })) return;
      button.disabled = true;
      let result;
      try { result = await post(data.peoplePost, body); }
      catch (failure) { result = { status: 0, content: { detail: "no answer: load the page again and look" } }; }
      button.disabled = false;
      if (result.status >= 400 || result.status === 0) QD.complain(form, result.content);
      else if (result.content.password) oneTime(form, result.content);
      else location.assign("/admin");
    }
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-people-post]");
      if (button) act(button);
    });
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
