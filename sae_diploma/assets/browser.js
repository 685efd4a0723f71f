// The latent browser: rows of latents.js in a DataTables table; search, filters, sorting and page live in the address after '#'.
(() => {
"use strict";
const D = window.sae_diploma_latents, one = s => document.querySelector(s);
const at = Object.fromEntries(D.columns.map((c, i) => [c, i]));
const escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"};
const esc = s => String(s).replace(/[&<>"']/g, c => escapes[c]);
const minus = s => s.replace("-", "−");
const num = (x, d = 3) => x === null ? "–" : x === 0 ? "0" : Math.abs(x) < 1e-3 ? minus(x.toExponential(1)) : minus(Math.abs(x) >= 1000 ? x.toFixed(0) : x.toPrecision(d).replace(/e\+?(-?\d+)$/, "e$1"));
const signed = x => x === null ? "–" : (x > 0 ? "+" : "") + num(x);
// Digits behind the point that an interval allows, as `tables.digits` has them: two of its width where that begins with less than 355, else one.
const digits = (lo, hi) => {
  const width = hi - lo;
  if (!(width > 1e-6 * Math.max(Math.abs(lo), Math.abs(hi)))) return null;
  const place = Math.floor(Math.log10(width)), end = lo > 0 ? lo : hi;
  let d = (width / 10 ** place < 3.55 ? 1 : 0) - place;
  while ((lo > 0 || hi < 0) && Math.round(Math.abs(end) * 10 ** d) === 0 && d < 3 - place) d++;
  return Math.min(Math.max(d, 0), 12);
};
// A number with its interval, `as` it is shown without one.
const est = (r, v, a, b, as = signed, unit = "") => {
  const [x, lo, hi] = [v, a, b].map(k => r[at[k]]), d = x === null || lo === null || hi === null ? null : digits(lo, hi);
  if (d === null) return as(x) + unit;
  const to = y => (+y.toFixed(d) > 0 && as === signed ? "+" : "") + (+y.toFixed(d) === 0 ? (0).toFixed(d) : minus(y.toFixed(d)));
  return `${to(x)}${unit} <span class="n">[${to(lo)}, ${to(hi)}]</span>`;
};
const tag = t => `<span class="tag ${D.tags[t][1]}">${esc(D.tags[t][0])}</span>`;
const page = r => `latent/${r[at.page]}.html`;
const key = r => `${D.dictionaries[r[at.dictionary]]} ${r[at.latent]}`;

// Numbers sort as numbers, and what was not measured comes last in both directions.
for (const [way, sign] of [["asc", 1], ["desc", -1]])
  DataTable.ext.type.order[`measured-${way}`] = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1 : sign * (a - b);
const number = (show, more = {}) => ({render: {_: (x, t, r) => r[at[show]], display: (x, t, r) => more.lo ? est(r, show, more.lo, more.hi, more.as) : (more.as || signed)(r[at[show]])}, type: "measured", name: show, data: at[show], searchable: false, orderSequence: ["desc", "asc"], className: "num" + (more.wide ? " o" : ""), title: more.title});
const columns = [
  {data: at.rank, name: "rank", visible: false, searchable: false, type: "num"},
  {data: at.latent, name: "latent", title: "Latent", type: "num", className: "l id", render: {_: x => x, filter: (x, t, r) => `#${x} ${key(r)}`, display: (x, t, r) => r[at.page] === null
    ? `<button type="button" class="more" aria-expanded="false" aria-label="latent ${x}: all that is known">${x}</button>`
    : `<a href="${esc(page(r))}">${x}</a><button type="button" class="more small" aria-expanded="false" aria-label="latent ${x}: all that is known">+</button>`}},
  {data: at.label, name: "label", title: "Fires on", className: "l name", render: {_: x => x, display: (x, t, r) => x ? esc(x) : '<span class="m">no single thing</span>'}},
  {data: at.dictionary, name: "dictionary", title: "Dictionary", className: "l o", render: x => esc(D.dictionaries[x])},
  number("base", {title: "Base, % of tokens", as: num, wide: true}),
  number("ft", {title: "Fine-tuned, %", as: num, wide: true}),
  number("delta", {title: "Change, points [95 %]", lo: "lo", hi: "hi"}),
  number("net", {title: "Net of placebo [95 %]", lo: "net_lo", hi: "net_hi", wide: true}),
  number("causal", {title: "Causal, mnat a token [95 %]", lo: "causal_lo", hi: "causal_hi", wide: true}),
  number("runs", {title: "Against placebo runs, log ratio", wide: true}),
  number("nu", {title: "The other model's share, ν [95 %]", as: num, lo: "nu_lo", hi: "nu_hi", wide: true}),
  {data: at.tags, name: "verdicts", title: "Verdicts", className: "l v", orderable: false, render: {_: x => x.map(t => D.tags[t][0]).join(" "), display: x => x.filter(t => !D.weak.includes(t)).map(tag).join(" ")}},
  {data: at.promotes, name: "promotes", visible: false},
].filter(c => D.has.includes(c.name) || !["net", "causal", "runs", "nu"].includes(c.name));

let quiet = true;                                             // while the state is being applied nothing is written to the address
const table = new DataTable("#latents", {
  data: D.rows, columns, order: [[0, "asc"]], pageLength: 25, autoWidth: false, deferRender: true, processing: false,
  layout: {topStart: null, topEnd: null, bottomStart: "info", bottomEnd: "paging"},
  language: {emptyTable: "There are no latents.", zeroRecords: "No latent fits. Clear the search or choose another verdict.", info: "_START_ to _END_ of _TOTAL_ latents", infoFiltered: "(_MAX_ in all)", infoEmpty: "no latents"},
});
// Of one dictionary those numbers are shown that it has; of all those that most have, and the rest below a row.
const optional = ["delta", "net", "causal", "runs", "nu"].filter(k => columns.some(c => c.name === k));
const measured = D.dictionaries.map((_, d) => optional.filter(k => D.rows.some(r => r[at.dictionary] === d && r[at[k]] !== null)));
function fit() {
  const d = D.dictionaries.indexOf(controls.in.value);
  for (const k of optional) table.column(`${k}:name`).visible(d < 0 ? !["runs", "nu"].includes(k) : measured[d].includes(k), false);
  table.column("dictionary:name").visible(d < 0, false);
}
const controls = {q: one("#q"), verdict: one("#verdict"), in: one("#in"), card: one("#card"), rows: one("#rows")};
D.tags.forEach((t, i) => controls.verdict.add(new Option(`${t[0]} (${D.counts[i]})`, t[0])));
D.dictionaries.forEach(d => controls.in.add(new Option(d, d)));
table.search.fixed("choice", (text, r) => {
  const v = controls.verdict.value, d = controls.in.value;
  return (!v || r[at.tags].some(t => D.tags[t][0] === v)) && (!d || D.dictionaries[r[at.dictionary]] === d) && (!controls.card.checked || r[at.page] !== null);
});

function state() {                                            // only what differs from the page as it opens
  const p = new URLSearchParams(), [c, way] = table.order()[0] || [0, "asc"], i = table.page.info();
  if (controls.q.value) p.set("q", controls.q.value);
  if (controls.verdict.value) p.set("verdict", controls.verdict.value);
  if (controls.in.value) p.set("in", controls.in.value);
  if (controls.card.checked) p.set("card", "1");
  if (c !== 0 || way !== "asc") p.set("sort", `${columns[c].name}.${way}`);
  if (i.length !== 25) p.set("rows", i.length);
  if (i.page) p.set("page", i.page + 1);
  return p.toString();
}
function write() {
  if (quiet) return;
  const s = state();
  try { history.replaceState(null, "", s ? "#" + s : location.pathname + location.search); } catch { location.hash = s; }
}
function read() {
  quiet = true;
  const p = new URLSearchParams(location.hash.slice(1)), has = (el, v) => [...el.options].some(o => o.value === v);
  controls.q.value = p.get("q") || "";
  for (const k of ["verdict", "in"]) controls[k].value = has(controls[k], p.get(k)) ? p.get(k) : "";
  fit();
  controls.card.checked = p.get("card") === "1";
  controls.rows.value = has(controls.rows, p.get("rows")) ? p.get("rows") : "25";
  const [name, way] = (p.get("sort") || "rank.asc").split("."), c = columns.findIndex(o => o.name === name);
  table.search(controls.q.value).order([[Math.max(c, 0), way === "desc" ? "desc" : "asc"]]).page.len(+controls.rows.value).draw();
  const n = Math.min(+(p.get("page") || 1) - 1, table.page.info().pages - 1);
  if (n > 0) table.page(n).draw("page");
  quiet = false;
}
const search = DataTable.util.debounce ? DataTable.util.debounce(() => table.search(controls.q.value).draw(), 120) : () => table.search(controls.q.value).draw();
controls.q.addEventListener("input", search);
for (const k of ["verdict", "in", "card"]) controls[k].addEventListener("change", () => { fit(); table.draw(); });
controls.rows.addEventListener("change", () => table.page.len(+controls.rows.value).draw());
one("#clear").addEventListener("click", () => { location.hash = ""; read(); write(); controls.q.focus(); });
one("#copy").addEventListener("click", async e => {
  try { await navigator.clipboard.writeText(location.href); e.target.textContent = "Copied"; } catch { e.target.textContent = "Copy it from the address bar"; }
  setTimeout(() => e.target.textContent = "Copy link", 1600);
});
table.on("draw", write);
window.addEventListener("hashchange", read);

// All that is known of one row, below it.
function details(r) {
  const rows = [["Dictionary", esc(D.dictionaries[r[at.dictionary]])], ["Fires on", esc(r[at.label] || "no single thing")], ["Evidence", esc(r[at.evidence] || "")],
    ["Frequency", `${num(r[at.base])} % in the base, ${num(r[at.ft])} % in the fine-tuned model`],
    ["Change", r[at.delta] === null ? "" : est(r, "delta", "lo", "hi", signed, " points")],
    ["False discovery rate", r[at.q] === null ? "" : `q = ${num(r[at.q], 2)}${r[at.docs] === null ? "" : ` over ${r[at.docs]} documents`}`],
    ["Net of placebo", r[at.net] === null ? "" : est(r, "net", "net_lo", "net_hi", signed, " points")],
    ["Causal attribution", r[at.causal] === null ? "" : est(r, "causal", "causal_lo", "causal_hi", signed, " mnat per token")],
    ["Against placebo runs", r[at.runs] === null ? "" : `log ratio ${signed(r[at.runs])}`],
    ["The other model's share", r[at.nu] === null ? "" : `ν = ${est(r, "nu", "nu_lo", "nu_hi", num)}`],
    ["Promotes", r[at.promotes] ? r[at.promotes].split("\u0001").map(t => `<span class="tok">${esc(t)}</span>`).join("") : ""],
    ["Verdicts", r[at.tags].map(tag).join(" ")]];
  return `<dl>${rows.filter(o => o[1]).map(([k, v]) => `<dt>${k}</dt><dd>${v}</dd>`).join("")}</dl>` + (r[at.page] === null ? "" : `<p><a href="${esc(page(r))}">Card of this latent, with its contexts</a></p>`);
}
one("#latents tbody").addEventListener("click", e => {
  const b = e.target.closest("button.more");
  if (!b) return;
  const row = table.row(b.closest("tr")), open = row.child.isShown();
  if (open) row.child.hide(); else row.child(details(row.data()), "detail").show();
  b.setAttribute("aria-expanded", String(!open));
});

// Keys: / search; in the table up and down by rows, left and right by pages, Home and End.
document.addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (e.key === "/" && !typing) { e.preventDefault(); controls.q.focus(); controls.q.select(); return; }
  if (e.key === "Escape" && document.activeElement === controls.q) { controls.q.value = ""; search(); return; }
  const first = () => [...document.querySelectorAll("#latents tbody tr td.id")].map(td => td.querySelector("a, button"));
  if (e.key === "ArrowDown" && document.activeElement === controls.q) { const f = first(); if (f.length) { e.preventDefault(); f[0].focus(); } return; }
  const row = document.activeElement.closest && document.activeElement.closest("#latents tbody tr");
  if (!row) return;
  const f = first(), i = f.findIndex(o => o.closest("tr") === row);
  const go = n => { e.preventDefault(); const o = first()[n]; if (o) o.focus(); };
  if (e.key === "ArrowDown") go(Math.min(i + 1, f.length - 1));
  else if (e.key === "ArrowUp") { if (i === 0) { e.preventDefault(); controls.q.focus(); } else go(i - 1); }
  else if (e.key === "Home") go(0);
  else if (e.key === "End") go(f.length - 1);
  else if (e.key === "ArrowRight") { table.page("next").draw("page"); go(0); }
  else if (e.key === "ArrowLeft") { table.page("previous").draw("page"); go(0); }
});
read(); write();
document.documentElement.dataset.ready = "1";
})();
