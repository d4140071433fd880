// What is typed and not sent yet outlives a reload, the way back and the end of a session; in this tab alone.
"use strict";
(() => {
  const NAME = "typed", AGE = 12 * 3600 * 1000, MOST = 200;
  const { who, refused } = document.body.dataset;
  if (!who) return; // at the sign-in: whoever comes back finds it

  const store = (kept) => {
    try {
      if (kept && Object.keys(kept.fields).length) sessionStorage.setItem(NAME, JSON.stringify(kept));
      else sessionStorage.removeItem(NAME);
    } catch { /* a browser that keeps nothing, or is full */ }
  };
  const stored = () => {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(NAME)); } catch { /* as above */ }
    return kept?.who === who ? kept : { who, fields: {} }; // nobody is shown what another person has typed
  };
  const path = (url) => decodeURI(new URL(url, location).pathname);
  const key = (field) => {
    const asked = new URLSearchParams(location.search);
    for (const passing of ["lang", "done", "n", "left", "seen"]) asked.delete(passing);
    asked.sort();
    return `${location.pathname}?${asked}#${field.id}`;
  };
  const usual = (field) => field.defaultValue ?? [...field.options].find((each) => each.defaultSelected)?.value ?? field.options[0].value;
  const names = (text) => /\d{11}/.test(text.replace(/[^\p{L}\d]/gu, "")); // perhaps a person, an organisation or a parcel

  const kept = stored();
  const sent = document.cookie.split("; ").find((each) => each.startsWith("sent="))?.slice(5);
  for (const [at, field] of Object.entries(kept.fields)) {
    const over = field.at < Date.now() - AGE;
    const done = sent !== undefined && field.sent === decodeURIComponent(sent);
    if (done) document.cookie = "sent=; path=/console; max-age=0; samesite=strict";
    if (over || done) delete kept.fields[at];
  }
  store(kept);

  if (!refused) { // else the server has given back what it got
    for (const field of document.querySelectorAll("[data-keep]")) {
      const typed = kept.fields[key(field)];
      if (!typed) continue;
      field.value = typed.text;
      for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    }
    document.addEventListener("input", ({ target: field }) => {
      if (!field.matches("[data-keep]")) return;
      const now = stored();
      delete now.fields[key(field)];
      if (field.value !== usual(field) && !names(field.value) && Object.keys(now.fields).length < MOST) {
        now.fields[key(field)] = { text: field.value, at: Date.now() };
      }
      store(now);
    });
  }

  document.addEventListener("submit", ({ target: form, submitter }) => {
    const to = path(submitter?.getAttribute("formaction") || form.getAttribute("action") || "");
    if (to === "/console/leave") { store(null); return; }
    const now = stored();
    for (const field of form.elements) {
      const typed = field.id && now.fields[key(field)];
      if (!typed) continue;
      if (form.method === "post") typed.sent = to; // forgotten once the server says that it was taken
      else if (to === path("")) delete now.fields[key(field)]; // the URL says it from now on
    }
    store(now);
  });
})();
