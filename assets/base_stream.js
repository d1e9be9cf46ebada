/* One stream for all tabs of a login: browsers allow six connections to a host, and a command needs a free one.
 *
 * The file runs as a SharedWorker, which holds the stream and hands its text on to every tab, and in the page,
 * which asks for it. Where there is no such worker, or it stays silent, the page does the same for itself alone.
 * A tab says {topics, fresh} (fresh: it has nothing), {again: topic}, {here} on every beat, {leave}. Nothing but
 * the stream goes through here: rows are kept, dated and shown by each tab, and commands never come this way.
 */
(function () {
  "use strict";
  const DEAD_MS = 4000, GONE_BEATS = 20, HUNG_MS = 8000;
  const now = () => performance.now();

  /* the holder of a stream; answers a function that takes the port of a tab */
  function holder(login) {
    const tabs = new Set(), passed = new Map(), asked = new Set();    // passed: topic -> number of the newest frame
    let source = null, id = "", subscribed = "", last = "", wait = 200, timer = 0, heard = now(), posting = false;
    let state = { out: false, full: false };
    const needed = () => [...new Set([...tabs].flatMap((tab) => [...tab.needs]))];
    const union = () => [...new Set([...tabs].flatMap((tab) => [...tab.topics]))].sort();
    const tell = (...words) => { for (const tab of tabs) tab.port.postMessage(words); };

    function connect() {
      stop();
      if (!tabs.size) return;
      heard = now();
      asked.clear();
      passed.clear();    // rights may have changed: every tab takes what this stream brings first
      for (const name of union()) asked.add(name);
      subscribed = union().join(",");
      source = new EventSource("/live?topics=" + encodeURIComponent(subscribed) + (last && "&since=" + encodeURIComponent(last)));
      source.addEventListener("stream", (event) => { id = JSON.parse(event.data).id; settle(); });
      source.addEventListener("frame", (event) => {
        if (event.lastEventId) last = event.lastEventId;
        good();
        pass(event.data);
      });
      source.addEventListener("beat", (event) => {
        good();
        for (const tab of tabs) if ((tab.beats += 1) > GONE_BEATS) leave(tab);
        tell("beat", event.data);
      });
      source.addEventListener("bye", () => retry(200));
      source.onerror = () => retry(wait);
    }
    function stop() {
      clearTimeout(timer);
      timer = 0;
      if (source) source.close();
      source = null;
      id = "";
    }
    function good() { heard = now(); wait = 200; state = { out: false, full: false }; }
    function retry(after) {
      if (timer) return;
      stop();
      wait = Math.min(1000, wait * 2);
      timer = setTimeout(() => ask().then(again, again), after);
    }
    const again = () => { timer = 0; if (state.out) retry(wait); else connect(); };
    /* an EventSource does not say why it failed; a plain read does. Another person's rows are never taken */
    async function ask() {
      const answer = await fetch("/api/v1/people/me", { cache: "no-store", signal: AbortSignal.timeout(DEAD_MS) });
      const other = answer.ok && (await answer.json()).id !== login.person;
      state = { out: other || answer.status === 401, full: answer.ok && now() - heard > 3000 };
      tell("state", state);
    }
    /* a snapshot goes to who lacks it, a change to who has the snapshot */
    function pass(text) {
      const frame = JSON.parse(text), name = frame.topic, number = frame.epoch + ":" + frame.seq;
      const news = frame.full && passed.get(name) !== number;
      if (frame.full) asked.delete(name);
      if (!frame.replay) passed.set(name, number);
      for (const tab of tabs) {
        const lacks = tab.needs.has(name);
        if (!tab.topics.has(name) || (frame.full ? !news && !lacks : lacks)) continue;
        if (frame.full) tab.needs.delete(name);
        tab.port.postMessage(["frame", text]);
      }
    }
    /* the stream carries what the tabs want, and brings again what one of them lacks */
    async function settle() {
      if (!tabs.size) { stop(); return; }
      if (!source && !timer) connect();
      if (!id || posting) return;
      const mine = id, topics = union().join(","), more = needed().filter((name) => !asked.has(name));
      if (topics === subscribed && !more.length) return;
      for (const name of more) asked.add(name);
      subscribed = topics;
      posting = true;
      const body = JSON.stringify({ stream: id, topics: union(), again: more });
      const headers = { "Content-Type": "application/json", "X-QD-CSRF": login.csrf };
      const done = await fetch("/api/v1/live", { method: "POST", headers, body, signal: AbortSignal.timeout(DEAD_MS) })
        .then((answer) => answer.ok, () => false);
      posting = false;
      if (done || mine !== id) settle(); else retry(200);
    }
    function leave(tab) { tabs.delete(tab); settle(); }
    setInterval(() => { if (source && now() - heard > DEAD_MS) retry(0); }, 500);

    return (port) => {
      const tab = { port, topics: new Set(), needs: new Set(), beats: 0 };
      port.onmessage = ({ data }) => {
        tab.beats = 0;
        if (data.leave) { leave(tab); return; }
        const back = !tabs.has(tab);    // for the first time, or after a sleep in which it was given up
        tabs.add(tab);
        if (data.topics) {
          for (const name of data.topics) if (!tab.topics.has(name)) tab.needs.add(name);
          tab.topics = new Set(data.topics);
          port.postMessage(["state", state]);
        }
        if (data.again) tab.needs.add(data.again);
        if (back || data.fresh) tab.needs = new Set(tab.topics);
        for (const name of tab.needs) if (!tab.topics.has(name)) tab.needs.delete(name);
        if (back || !data.here) settle();
      };
    };
  }

  if (typeof SharedWorkerGlobalScope !== "undefined") {
    const [person, csrf] = self.name.split(" "), join = holder({ person, csrf });
    self.onconnect = (event) => join(event.ports[0]);
    return;
  }

  /* in the page: the worker has the name of the login, so that no other login shares its stream */
  const script = document.currentScript.src;
  window.QDStream = (login, take) => {
    let port = null, topics = [], spoke = -1, said = -1, since = 0, alone = false;    // since: a word without an answer
    const say = (words) => port.postMessage(words);
    function use(next) {
      port = next;
      port.onmessage = ({ data: [kind, words] }) => {
        if (port !== next) return;
        spoke = now();
        if (kind === "beat") say({ here: true });
        take(kind, kind === "state" ? words : JSON.parse(words));
      };
    }
    function byItself() {
      if (alone) return;
      alone = true;
      if (port) say({ leave: true });
      const { port1, port2 } = new MessageChannel();
      holder(login)(port1);
      use(port2);
      if (topics.length) hello(topics, true);
    }
    function hello(names, fresh) {
      topics = names;
      if (spoke >= said) since = now();
      said = now();
      say({ topics, fresh: Boolean(fresh) });
    }
    try {
      const worker = new SharedWorker(script, { name: login.person + " " + login.csrf });
      worker.onerror = byItself;
      use(worker.port);
    } catch (missing) { byItself(); }
    window.addEventListener("pagehide", () => say({ leave: true }));
    window.addEventListener("pageshow", (event) => { if (event.persisted) hello(topics, true); });
    return { hello, again: (name) => say({ again: name }),
      /* nothing came for long: say it again; no answer at all means that nobody is there */
      silent() {
        if (!alone && spoke < since && now() - since > HUNG_MS) byItself();
        else if (now() - said > DEAD_MS) hello(topics, true);
      } };
  };
})();
