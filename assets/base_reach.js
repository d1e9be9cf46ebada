/* What is cut off says itself in full under the pointer. What scrolls can be reached by keyboard: a box that overflows and holds nothing to focus on
 * becomes a stop of the Tab key, and is none while everything fits. */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const BOXES = ".panel-body, .log, .table-host, .stage, .menu, .stack, .state";
  const STOPS = "a[href], button:not([disabled]), input:not([disabled]), select, textarea, summary, [tabindex='0']";

  function look() {
    for (const box of document.querySelectorAll(BOXES)) {
      const over = box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
      const scrolls = over && /auto|scroll/.test(getComputedStyle(box).overflow);
      const stop = scrolls && ![...box.querySelectorAll(STOPS)].some((node) => node.getClientRects().length);
      if (stop && box.tabIndex !== 0) { box.tabIndex = 0; box.dataset.reach = "1"; }
      else if (!stop && box.dataset.reach) { box.removeAttribute("tabindex"); delete box.dataset.reach; }
    }
  }
  /* only what has no title of its own, and no longer than it is cut off */
  document.addEventListener("pointerover", (event) => {
    const node = event.target instanceof Element ? event.target : null;
    if (!node || node.closest("svg, input, select, textarea")) return;
    const mine = node.dataset.cut !== undefined;
    if (!mine && node.closest("[title], [data-term]")) return;
    const style = getComputedStyle(node), cut = node.scrollWidth > node.clientWidth + 1 && style.textOverflow === "ellipsis";
    if (cut) { node.title = node.innerText.trim(); node.dataset.cut = ""; }
    else if (mine) { node.removeAttribute("title"); delete node.dataset.cut; }
  }, { passive: true });
  setInterval(() => { if (!document.hidden) look(); }, 1500);
  window.addEventListener("resize", look);    /* another size, other boxes that scroll */
})();
