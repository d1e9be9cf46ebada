/* The children of the chosen orders, below their parents: linked, and streamed only while open. */
(function () {
  "use strict";
  if (!window.QDBlotter) return;
  const B = window.QDBlotter;
  const $ = (id) => document.getElementById(id);

  function parents() {
    const picked = B.grid.getSelectedRows().map((row) => row.id);
    return picked.length ? picked : [B.view.sel].filter(Boolean);
  }
  let shown = null;
  function draw() {
    const panel = $("blotter-children"), host = $("children-host"), open = Boolean(B.view.kids);
    const button = $("children-toggle");
    if (button.getAttribute("aria-pressed") !== String(open)) button.setAttribute("aria-pressed", String(open));
    if (panel.hidden === open) panel.hidden = !open;
    const ids = open ? parents() : [], where = "parent=" + (ids.join("|") || "-");
    if (where === shown && open === Boolean(host.dataset.liveGrid)) return;
    shown = where;
    QD.write($("children-of"), ids.length === 0 ? "Children: no order selected" : ids.length > 3 ? `Children of ${ids.length} orders` : "Children of " + ids.join(", "));
    if (open && !host.dataset.liveGrid) { host.dataset.where = where; host.dataset.liveGrid = "children"; QD.scan(); }
    else if (!open && host.dataset.liveGrid) { delete host.dataset.liveGrid; QD.scan(); }
    else if (open) QD.refilter(host, where);
  }
  B.onSelect.push(draw);
  B.parts.push(() => {
    $("children-toggle").addEventListener("click", () => { B.view.kids = !B.view.kids; draw(); B.refresh(); });
    B.grid.addEventListener("selectionChanged", draw);
    draw();
  });
})();
