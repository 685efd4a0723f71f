// Play: one text, one feature, both models. All data come from data.js; nothing in it is read as markup.
(() => {
"use strict";
const D = window.sae_diploma_play, one = id => document.getElementById(id), root = one("play");
if (!D || !root) return;
const sides = ["base", "ft"], names = {base: "base", ft: "fine-tuned"};
const text = one("play-text"), latent = one("play-latent");
const make = (tag, cls, words) => { const e = document.createElement(tag); if (cls) e.className = cls; if (words !== undefined) e.textContent = words; return e; };
const minus = s => String(s).replace("-", "−");
const num = x => x === 0 ? "0" : minus(x >= 1000 ? x.toFixed(0) : Number(x.toPrecision(2)).toString());
const value = (code, top) => D.levels.indexOf(code) / (D.levels.length - 1) * top;
const clean = t => t.trim() || t;                              // in words; the panel shows it as it is
let values = {base: [], ft: []}, tokens = [], here = -1;

for (const [list, into] of [[D.texts, text], [D.latents, latent]])
  list.forEach((o, i) => { const e = make("option", "", o.title); e.value = i; into.append(e); });

// What both models do on the chosen text: one letter a token, trailing zeros left out.
function read() {
  const t = D.texts[text.value], j = Number(latent.value), top = D.latents[j].top;
  tokens = t.tokens;
  sides.forEach((s, k) => { const codes = t.acts[j][k]; values[s] = tokens.map((_, i) => i < codes.length ? value(codes[i], top) : 0); });
}

const words = i => `‘${clean(tokens[i])}’: base ${num(values.base[i])}, fine-tuned ${num(values.ft[i])}`;

function panel(s) {
  const box = one(`play-${s}`), top = D.latents[latent.value].top;
  const list = tokens.map((t, i) => {
    const v = values[s][i], e = make("span", v > 0 ? "play-token on" : "play-token", t.replace(/↵/g, "↵\n"));
    if (v > 0) e.style.setProperty("--s", Math.min(1, .15 + .85 * v / top).toFixed(2));
    e.setAttribute("role", "option"); e.setAttribute("aria-selected", "false"); e.setAttribute("aria-label", words(i));
    e.tabIndex = i === 0 ? 0 : -1; e.dataset.i = i;
    return e;
  });
  box.replaceChildren(...list);
  one(`play-${s}-count`).textContent = `fires on ${values[s].filter(v => v > 0).length} of ${tokens.length} tokens`;
}

function strongest() {
  const order = tokens.map((_, i) => i).filter(i => values.base[i] > 0 || values.ft[i] > 0)
    .sort((a, b) => Math.max(values.base[b], values.ft[b]) - Math.max(values.base[a], values.ft[a]) || a - b).slice(0, 8);
  const table = make("table", "top"), head = make("tr"), rows = make("tbody"), heads = make("thead");
  ["token, after the two before it", "base", "fine-tuned"].forEach(o => { const h = make("th", "", o); h.scope = "col"; head.append(h); });
  rows.append(...order.map(i => {
    const r = make("tr"), h = make("th", "", tokens.slice(Math.max(0, i - 2), i + 1).join(""));
    h.scope = "row"; r.append(h, make("td", "", num(values.base[i])), make("td", "", num(values.ft[i])));
    return r;
  }));
  heads.append(head); table.append(make("caption", "", "Where it fires most in this text"), heads, rows);
  one("play-top").replaceChildren(...order.length ? [table] : []);
}

function wrote() {
  const t = D.texts[text.value];
  sides.forEach(s => {
    const box = one(`play-${s}-wrote`), said = t.wrote && t.wrote[s];
    box.hidden = !t.wrote;
    if (t.wrote) box.replaceChildren(make("span", "", D.words.asked), said ? make("q", "", said) : document.createTextNode("nothing"));
  });
  one("play-author").hidden = !(t.wrote && t.wrote.reference);
  one("play-author").replaceChildren(`${D.words.author}: `, make("q", "", t.wrote ? t.wrote.reference : ""));
}

function show() {
  read(); here = -1;
  sides.forEach(panel); strongest(); wrote();
  const t = D.texts[text.value], l = D.latents[latent.value], n = s => values[s].filter(v => v > 0).length;
  one("play-said").textContent = `${l.said} On this text: ${n("base")} of ${tokens.length} tokens in the base model, ${n("ft")} in the fine-tuned one.` + (t.cut ? ` Only the first ${tokens.length} tokens are shown.` : "");
  const link = one("play-card");
  link.hidden = !l.page; if (l.page) link.href = `cards/latent/${l.page}.html`;
  one("play-readout").textContent = "Point at a token or tap it, or use Tab and the arrow keys, for its two numbers.";
}

// A token is marked in both panels; arrow keys move from token to token, up and down to the next that fires.
function mark(i, focus) {
  root.querySelectorAll(".play-token.here").forEach(e => { e.classList.remove("here"); e.setAttribute("aria-selected", "false"); });
  here = i;
  sides.forEach(s => {
    const all = one(`play-${s}`).children;
    [...all].forEach(e => { e.tabIndex = -1; });
    all[i].classList.add("here"); all[i].tabIndex = 0;
    if (s === focus) { all[i].setAttribute("aria-selected", "true"); all[i].focus(); }
  });
  one("play-readout").textContent = words(i) + `, of at most ${num(D.latents[latent.value].top)}`;
}
const fires = i => values.base[i] > 0 || values.ft[i] > 0;
const step = {ArrowRight: i => i + 1, ArrowLeft: i => i - 1, Home: () => 0, End: () => tokens.length - 1,
  ArrowDown: i => { for (let k = i + 1; k < tokens.length; k++) if (fires(k)) return k; return i; },
  ArrowUp: i => { for (let k = i - 1; k >= 0; k--) if (fires(k)) return k; return i; }};
sides.forEach(s => {
  const box = one(`play-${s}`), at = e => e.target.dataset && e.target.dataset.i !== undefined ? Number(e.target.dataset.i) : -1;
  box.addEventListener("keydown", e => {
    const i = at(e);
    if (i < 0 || !step[e.key]) return;
    e.preventDefault(); mark(Math.min(tokens.length - 1, Math.max(0, step[e.key](i))), s);
  });
  box.addEventListener("focusin", e => { const i = at(e); if (i >= 0 && i !== here) mark(i, s); });
  box.addEventListener("mouseover", e => { const i = at(e); if (i >= 0) mark(i); });
  box.addEventListener("click", e => { const i = at(e); if (i >= 0) mark(i, s); });
});

// The address keeps what is chosen: a link shows the same.
const keep = () => { try { history.replaceState(null, "", `#text=${Number(text.value) + 1}&feature=${D.latents[latent.value].latent}`); } catch { /* some browsers refuse it for files */ } };
function restore() {
  const h = new URLSearchParams(location.hash.slice(1)), t = Number(h.get("text")) - 1, j = D.latents.findIndex(o => String(o.latent) === h.get("feature"));
  text.value = Number.isInteger(t) && t >= 0 && t < D.texts.length ? t : 0;
  latent.value = j >= 0 ? j : D.start;
  show();
}
[text, latent].forEach(o => o.addEventListener("change", () => { show(); keep(); }));
addEventListener("hashchange", restore);
one("play-body").hidden = false;
restore();
})();
