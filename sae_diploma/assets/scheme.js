// Light or dark: what was chosen here or on the site's pages, else what the system says; a button on top changes it.
(() => {
"use strict";
const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)"), key = "quarto-color-scheme";
const kept = () => { try { return {alternate: "dark", default: "light"}[localStorage.getItem(key)]; } catch { return undefined; } };
const dark = () => (root.dataset.scheme || (system.matches ? "dark" : "light")) === "dark";
const follow = () => { const c = kept(); if (c) root.dataset.scheme = c; else delete root.dataset.scheme; };
follow();
addEventListener("DOMContentLoaded", () => {
  const b = document.createElement("button"), say = () => { b.textContent = dark() ? "Light colours" : "Dark colours"; };
  b.type = "button"; b.className = "scheme"; say();
  b.addEventListener("click", () => {
    root.dataset.scheme = dark() ? "light" : "dark"; say();
    try { localStorage.setItem(key, dark() ? "alternate" : "default"); } catch { /* it lasts as long as the page */ }
  });
  (document.querySelector("nav.way") || document.querySelector("main")).append(b);
  if (b.parentElement.tagName === "MAIN") b.parentElement.prepend(b);
  system.addEventListener("change", say);
  addEventListener("storage", e => { if (e.key === key) { follow(); say(); } });
});
})();
