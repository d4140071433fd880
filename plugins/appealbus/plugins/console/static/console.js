// Keys, and nothing else: every page is whole without this file.
"use strict";
(() => {
  const writing = (element) => element.matches("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("main tbody tr a[data-row], main tbody tr td:first-child a, main tbody tr th a")];

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((each) => each.closest("tr") === document.activeElement.closest("tr"));
    all[Math.min(all.length - 1, Math.max(0, at === -1 ? (by > 0 ? 0 : all.length - 1) : at + by))].focus();
  };

  document.addEventListener("keydown", (event) => {
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
})();
