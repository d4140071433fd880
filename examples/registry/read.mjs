// Follows the feed by server-sent events and reads each new dossier: Node 20 and no packages.
//
//   BUS=http://127.0.0.1:8470 TOKEN=ab_… node read.mjs cursor.txt
//
// The file keeps the cursor: started again, it goes on from there.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const { BUS, TOKEN, PURPOSE = "example", ONCE } = process.env;
const file = process.argv[2] ?? "cursor.txt";
const headers = { Authorization: `Bearer ${TOKEN}`, "Appealbus-Purpose": encodeURIComponent(PURPOSE) };
let cursor = existsSync(file) ? readFileSync(file, "utf8").trim() : "";

function keep(next) {
  cursor = next;
  writeFileSync(`${file}.new`, `${next}\n`);
  renameSync(`${file}.new`, file); // whole or not at all
}

async function get(path, more = {}, seconds = 30) {
  const signal = AbortSignal.timeout(seconds * 1000);
  return fetch(BUS + path, { headers: { ...headers, ...more }, signal, redirect: "error" });
}

// Yields {id, event, data} of a stream; lines that begin with a colon are comments. 45 silent seconds mean that it is dead.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const silence = new AbortController();
      const dead = pause(45_000, { done: true, dead: true }, { signal: silence.signal }).catch(() => ({ done: true }));
      const { value, done } = await Promise.race([reader.read(), dead]);
      silence.abort();
      if (done) return;
      text += value;
      for (let end; (end = text.search(/\r?\n\r?\n/)) >= 0; ) {
        const event = { data: "" };
        for (const line of text.slice(0, end).split(/\r?\n/)) {
          const [, name, said] = /^([^:]*):? ?(.*)$/.exec(line);
          if (name) event[name] = name === "data" ? event.data + said : said;
        }
        text = text.slice(end).replace(/^\r?\n\r?\n/, "");
        yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // whatever ends it: a stream that stays open counts
  }
}

async function follow() {
  // A stream has no end of its own, so it has no time limit either: `events` sees when it is dead.
  const from = cursor ? { "Last-Event-ID": cursor } : {};
  const answer = await fetch(`${BUS}/v1/feed/stream`, { headers: { ...headers, ...from }, redirect: "error" });
  if (answer.status === 410) return keep((await answer.json()).restart);
  if (!answer.ok) throw new Error(`the stream: HTTP ${answer.status}`);
  for await (const { id, event, data } of events(answer.body)) {
    const told = data ? JSON.parse(data) : {};
    if (event === "version") {
      const dossier = await get(`/v1/appeals/${told.id}/versions/${told.version}`);
      if (dossier.status === 200) {
        const { completeness, facts = [], gaps = [] } = await dossier.json();
        console.log(`${told.id} version ${told.version} ${completeness}: ${facts.length} facts, ${gaps.length} gaps`);
      } else if (dossier.status !== 404) throw new Error(`the dossier: HTTP ${dossier.status}`);
      await dossier.body?.cancel().catch(() => {});
    }
    if (id) keep(id);
    if (event === "end" && told.restart) return keep(told.restart);
    if (event === "end") return;
    if (ONCE && event === "position" && told.lag === 0) process.exit(0);
  }
}

for (let wait = 1; ; ) {
  try {
    await follow();
    wait = 1;
  } catch (error) {
    console.error(`${error.message}; again in ${wait} seconds`);
    await pause(wait * 1000);
    wait = Math.min(60, wait * 2);
  }
}
