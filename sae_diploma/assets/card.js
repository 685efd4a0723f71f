// On a card: point at a token, tap it, or reach it with the keyboard, and its activation in both models is told.
(() => {
"use strict";
const box = document.createElement("div");
box.className = "tip"; box.setAttribute("role", "status"); box.hidden = true;
document.querySelector(".latents").append(box);
for (const o of document.querySelectorAll("i[data-k][title]")) { o.dataset.v = o.title; o.removeAttribute("title"); }
const show = t => {
  const ctx = t.closest(".ctx"), k = t.dataset.k, of = side => { const o = side.querySelector(`[data-k="${k}"]`); return o && o.dataset.v ? o.dataset.v : "0"; };
  box.textContent = [...ctx.querySelectorAll("[data-who]")].map(o => `${o.dataset.who} ${of(o)}`).join(" · ");
  box.hidden = false;
  const r = t.getBoundingClientRect(), w = box.offsetWidth;
  box.style.left = `${Math.max(4, Math.min(r.left, document.documentElement.clientWidth - w - 4))}px`;
  box.style.top = `${r.bottom + 4 + box.offsetHeight > innerHeight ? r.top - box.offsetHeight - 4 : r.bottom + 4}px`;
  for (const o of document.querySelectorAll(".twin")) o.classList.remove("twin");
  for (const o of ctx.querySelectorAll(`[data-k="${k}"]`)) o.classList.add("twin");
};
const hide = () => { box.hidden = true; for (const o of document.querySelectorAll(".twin")) o.classList.remove("twin"); };
for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  document.addEventListener(on, e => { const t = e.target.closest && e.target.closest("[data-k]"); if (t) show(t); });
  document.addEventListener(off, hide);
}
document.addEventListener("click", e => { const t = e.target.closest("[data-k]"); if (t) show(t); else hide(); });
document.addEventListener("keydown", e => { if (e.key === "Escape") hide(); });
addEventListener("scroll", hide, {passive: true});
})();
