/* Trees that never change (components/still.py), built from JSON: elements, attributes, texts. */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const NAMES = { className: "class", htmlFor: "for" };

  function build(part) {
    if (typeof part === "string") return part;
    const [tag, properties, children] = part, node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      const written = NAMES[name] || name.toLowerCase();
      if (written.startsWith("on")) throw new Error("a still tree has no " + name);
      if (written === "style") { Object.assign(node.style, value); continue; }
      node.setAttribute(written, value === true ? "" : String(value));
    }
    node.append(...children.map(build));
    return node;
  }
  function look() {
    for (const host of document.querySelectorAll("[data-still]")) {
      if (host.qdStill === host.dataset.still) continue;
      host.qdStill = host.dataset.still;
      host.replaceChildren(...JSON.parse(host.qdStill).map(build));
    }
  }
  new MutationObserver(look).observe(document.getElementById("react-entry-point"),
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-still"] });
  look();
})();
