/* Audit: the verdict of the last walk through the chain, as the worker's job left it. */
(function () {
  "use strict";
  function run() {
    const QD = window.QD;
    window.QDReview.every(5000, () => "/api/v1/jobs", "[data-chain]", (found) => {
      const job = found.items.find((row) => row.name.startsWith("verify"));
      const node = document.querySelector("[data-chain]");
      if (!node) return;
      if (!job) { QD.write(node, "chain not walked yet"); node.className = "chain-verdict badge"; return; }
      const age = QD.format("age", QD.serverNow() - (job.ended_at || job.changed_at) / 1e6);
      const bad = job.state === "failed";
      QD.write(node, bad ? `\u2717 CHAIN BROKEN: ${job.error}` : job.state === "running" ? `walking the chain: ${job.text}`
        : `\u2713 chain verified ${age} ago: ${job.text}`);
      node.className = "chain-verdict badge " + (bad ? "broken" : "good");
      node.title = `job ${job.name}, run ${job.runs}`;
    }, (why) => QD.write(document.querySelector("[data-chain]"), "chain: " + why));
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
