/* Posts the forms of the plain pages as JSON and shows the refusal beside them. */
(function () {
  "use strict";
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.post) return;
    event.preventDefault();
    const message = form.querySelector("[data-message]");
    const button = form.querySelector("button[type=submit]");
    const document_ = Object.fromEntries(new FormData(form));
    document_.next = form.dataset.next || "/";
    const headers = { "Content-Type": "application/json" };
    if (form.dataset.csrf) headers["X-QD-CSRF"] = form.dataset.csrf;
    message.textContent = "";
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.post, { method: "POST", cache: "no-store",
        headers, body: JSON.stringify(document_) });
      const content = await answer.json();
      if (answer.ok) { location.assign(content.next); return; }
      message.textContent = content.detail || "error " + answer.status;
    } catch (failure) {
      message.textContent = "the desk does not answer: try again";
    }
    button.disabled = false;
    const passwords = form.querySelectorAll("input[type=password]");
    for (const password of passwords) password.value = "";
    if (passwords.length) passwords[0].focus();
  });
})();
