// Keys, and what goes on by itself: every page is whole without this file.
"use strict";
(() => {
  const writing = (element) => element.matches("input, textarea, select, [contenteditable]");
  const ROW = "main tbody tr, main .findings li";
  const rows = () => [...document.querySelectorAll(ROW)].map((row) => row.querySelector("a"))
    .filter((link) => link && link.checkVisibility());

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((each) => each.closest(ROW) === document.activeElement.closest(ROW));
    all[Math.min(all.length - 1, Math.max(0, at === -1 ? (by > 0 ? 0 : all.length - 1) : at + by))].focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "q") event.target.blur();
    if (event.ctrlKey || event.altKey || event.metaKey || writing(event.target)) return;
    const keys = document.getElementById("keys");
    if (event.key === "/") {
      const search = document.getElementById("q");
      if (!search) return;
      event.preventDefault();
      search.focus();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?" && keys && !keys.open) keys.showModal();
  });

  // Now: the server sends the picture anew; a person can stop that.
  const live = document.querySelector("[data-live]");
  if (live) {
    const [button, told] = [live.querySelector("button"), live.querySelector("[role=status]")];
    const go = button.textContent;
    let [stream, silent] = [null, 0];
    const tell = (text) => { if (told.textContent !== text) told.textContent = text; };
    const over = () => { stop(); button.hidden = true; tell(live.dataset.over); };
    const stop = () => { if (stream) stream.close(); stream = null; clearTimeout(silent); tell(""); };
    const heard = () => {
      clearTimeout(silent);
      silent = setTimeout(() => tell(live.dataset.silent), 10_000); // five pictures that did not come
    };
    const start = () => {
      heard();
      stream = new EventSource(live.dataset.live);
      stream.addEventListener("now", (event) => {
        const part = document.getElementById("live");
        if (!part.contains(document.activeElement)) part.innerHTML = event.data; // whoever is in it stays there
      });
      stream.addEventListener("at", (event) => {
        document.getElementById("at").textContent = event.data;
        tell("");
        heard();
      });
      stream.addEventListener("over", over);
      stream.addEventListener("error", () => { if (stream && stream.readyState === EventSource.CLOSED) over(); });
    };
    button.addEventListener("click", () => {
      const paused = stream !== null;
      if (paused) stop(); else start();
      button.textContent = paused ? button.dataset.paused : go;
    });
    live.hidden = false;
    start();
  }
})();
