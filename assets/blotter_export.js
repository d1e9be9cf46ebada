/* Export of the blotter: the rows and columns shown, in the order shown, and nothing else. */
(function () {
  "use strict";
  if (!window.QDBlotter) return;
  const B = window.QDBlotter;
  /* a spreadsheet would run it as a formula, some also after blanks and in the wide form */
  const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/;
  const FORMS = new Set(["int", "bps", "signed", "percent", "bar", "price2", "price3", "price4"]);

  const columns = () => B.grid.getAllDisplayedColumns().filter((c) => c.getColDef().field);
  function name(ending) {
    const day = QD.cell("desk", "desk", "day") || "", stamp = QD.clock(QD.cell("desk", "desk", "market_at"), false).replaceAll(":", "");
    const marked = document.querySelector(".watermark").dataset.text.replace(/[^A-Z]+/g, "-");
    return ["blotter", marked, day, stamp].filter(Boolean).join("-") + ending;
  }
  /* the digits as shown; a minus and thousands that a spreadsheet can read, and no formula */
  function plain(text) {
    const shown = String(text === null || text === undefined ? "-" : text).replaceAll("\u2212", "-");
    if (/^[-+]?[\d,]+(\.\d+)?%?$/.test(shown)) return shown.replaceAll(",", "");
    return shown !== "-" && FORMULA.test(shown) ? "'" + shown : shown;
  }
  function csv() {
    const source = QD.cell("desk", "desk", "source") || "";
    B.grid.exportDataAsCsv({
      columnKeys: columns(), fileName: name(".csv"),
      appendContent: source.startsWith("REPLAY") ? `\r\n"${source.replaceAll('"', "'")}"` : "",
      processCellCallback: (params) => plain(params.formatValue(params.value)),
    });
  }
  /* numbers as numbers in the format of their column; what is shown as words goes as words */
  async function xlsx() {
    const shown = columns().map((column) => {
      const definition = column.getColDef(), form = B.meta.forms[definition.field];
      return { column, title: definition.headerName, form: FORMS.has(form) && !B.meta.words.includes(definition.field) ? form : "text" };
    });
    const rows = [];
    B.grid.forEachNodeAfterFilterAndSort((node) => rows.push(shown.map(({ column, form }) => {
      const value = node.data[column.getColId()];
      if (form !== "text") return typeof value === "number" && Number.isFinite(value) ? value : null;
      return String(B.grid.getCellValue({ rowNode: node, colKey: column, useFormatter: true }) ?? "-").replaceAll("\u2212", "-");
    })));
    const body = { title: "Live blotter", query: location.pathname + location.search, rows,
      columns: shown.map(({ title, form }) => ({ title, form })) };
    let answer;
    try {
      answer = await fetch("/api/v1/workbook", { method: "POST", cache: "no-store", body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", "X-QD-CSRF": document.body.dataset.csrf } });
    } catch (failure) { QD.toast("No workbook: no connection to the desk.", "warn"); return; }
    if (!answer.ok) { QD.toast("No workbook: " + ((await answer.json()).detail || "error " + answer.status), "warn"); return; }
    const link = QD.element("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name(".xlsx");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  B.parts.push(() => {
    document.getElementById("blotter-csv").addEventListener("click", csv);
    document.getElementById("blotter-xlsx").addEventListener("click", xlsx);
    window.addEventListener("beforeprint", () => { if (!B.grid.isDestroyed()) B.grid.setGridOption("domLayout", "print"); });
    window.addEventListener("afterprint", () => { if (!B.grid.isDestroyed()) B.grid.setGridOption("domLayout", "normal"); });
  });
})();
