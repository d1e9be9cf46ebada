"""What the real browser is told to watch: scripts for ``bench web``, and what they found."""

from typing import Any, Final

# Cells of the column ``filled``: text and instant, after the frame that painted it. Long tasks too.
WATCH: Final = """() => {
  const seen = window.qdSeen = [], long = window.qdLong = [], { timeOrigin } = performance;
  const painted = (run) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => run(timeOrigin + performance.now());
    channel.port2.postMessage(0);
  });
  window.qdPainted = painted;
  new MutationObserver((changes) => {
    const fresh = new Set();
    for (const { target } of changes) {
      const node = target.nodeType === 3 ? target.parentElement : target;
      const cell = node && node.closest('[col-id=filled]');
      if (cell && cell.closest('.ag-row')) fresh.add(cell);
    }
    const values = [...fresh].map((cell) => Number(cell.textContent.replaceAll(',', '')));
    if (values.length) painted((at) => { for (const value of values) seen.push([value, at]); });
  }).observe(document.querySelector('.ag-center-cols-container'),
    { subtree: true, childList: true, characterData: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) long.push(entry.duration);
  }).observe({ type: 'longtask' });
}"""

TAKE: Final = """() => {
  return { seen: window.qdSeen.splice(0), long: window.qdLong.splice(0) };
}"""

# From the click on a button to the painted state of the row. [ms]
CLICK: Final = """([selector, id, wanted, ask]) => new Promise((resolve, reject) => {
  const button = document.querySelector(selector), from = performance.now();
  const alarm = setTimeout(() => reject(new Error('the row never said ' + wanted)), 10000);
  const look = () => {
    const cell = document.querySelector(`.ag-row[row-id="${id}"] [col-id=state]`);
    if (!cell || cell.textContent !== wanted) { requestAnimationFrame(look); return; }
    clearTimeout(alarm);
    window.qdPainted((at) => resolve(at - performance.timeOrigin - from));
  };
  button.click();
  if (ask) document.getElementById('confirm-go').click();
  look();
})"""

# From the request of a kill to every parent and child drawn in its end. [ms]
KILL: Final = """([parents, children]) => new Promise((resolve, reject) => {
  const from = performance.now(), rows = (name) => [...QD.rows(name).values()];
  const api = (id) => document.querySelector(`[data-grid-id=${id}]`).qdGrid.api;
  const alarm = setTimeout(() => reject(new Error('not every row said its end')), 30000);
  const drawn = (id, state, wanted) => {
    let n = 0;
    api(id).forEachNode((node) => { if (node.data.state === state) n += 1; });
    return n >= wanted;
  };
  const look = () => {
    const done = rows('parents').filter((row) => row.state === 'KILLED').length >= parents
      && rows('children').filter((row) => row.state === 'CANCELLED').length >= children
      && drawn('blotter-grid', 'KILLED', parents)
      && drawn('blotter-children-grid', 'CANCELLED', children);
    if (!done) { setTimeout(look, 10); return; }
    clearTimeout(alarm);
    window.qdPainted((at) => resolve(at - performance.timeOrigin - from));
  };
  QD.post('/api/v1/kill', { scope: 'all', target: '', reason: 'bench' }, 10000)
    .then((answer) => { if (answer.status !== 202) reject(new Error('error ' + answer.status)); });
  look();
})"""

# From the start of the navigation to the first row painted on a live page. [ms]
LOADED: Final = """() => new Promise((resolve) => {
  const look = () => {
    const row = document.querySelector('.ag-row [col-id=filled]');
    if (!row || document.body.dataset.link !== 'ok') { requestAnimationFrame(look); return; }
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  };
  look();
})"""


def latencies(seen: list[list[float]], sent: dict[int, tuple[str, int]]) -> list[float]:
    """Event to pixel of every event that the screen showed. [ms]"""
    found = []
    for value, at in seen:
        event = sent.get(int(value))
        if event is not None:
            found.append(at - event[1] / 1e6)
    return found


def enter(page: Any, url: str, name: str, password: str, path: str) -> None:
    """Log in by the form and wait for the first row."""
    page.goto(f"{url}/login?next={path}")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_selector("body.desk[data-link=ok]", timeout=60_000)
    page.wait_for_selector(".ag-row [col-id=filled]", timeout=60_000)
