/* TCA: the page is read from tables; when a note, a signature or another report is there, read again. */
(function () {
  "use strict";
  function run() {
    const busy = () => document.querySelector("dialog[open]") !== null
      || (document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName));
    const box = () => document.querySelector("[data-tca-day]");
    window.QDReview.every(1500, () => "/api/v1/tca/" + encodeURIComponent(box().dataset.tcaDay), "[data-tca-day]", (found) => {
      const seen = box().dataset;
      const changed = found.report_hash !== seen.tcaHash || found.signed_by !== seen.tcaSigned
        || String(found.notes) !== seen.tcaNotes;
      if (changed && !busy()) location.reload();
    }, () => { /* the banner of the frame says when the desk is not reachable */ });
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
