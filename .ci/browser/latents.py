"The latent browser with 16,384 rows, opened from the disk in headless Chromium: search, filter, sorting, keys, a link."
import json, sys, tempfile, time
from pathlib import Path

from driver import Browser

N, PAGES = 16_384, 5

def make(folder):
    "A browser of `N` latents, `PAGES` of them with a card, made of synthetic rows; its path, and the table."
    import numpy as np, pandas as pd, torch
    from sae_diploma import cards as C
    from sae_diploma.acts import ArrayStore, PairedStores, TokenTable
    from sae_diploma.saes import SAE, SAEConfig
    r = np.random.default_rng(0)
    docs, n = 20, 30
    doc, pos = np.repeat(np.arange(docs), n), np.tile(np.arange(n), docs)
    about = pd.DataFrame(dict(doc=range(docs), id=[f"d{i}" for i in range(docs)], regime="task", source="a",
        split="eval", text=""))
    table = TokenTable(np.where(pos == 0, 0, r.integers(1, 8, docs*n)), doc, pos, np.zeros(docs*n, int),
        np.where(pos == 0, 0, 4), about)
    x = torch.tensor(r.normal(size=(docs*n, 12)), dtype=torch.float32)
    pair = PairedStores(ArrayStore(x), ArrayStore(x+.3), table)
    sae = SAE(SAEConfig("topk", d_in=12, d_sae=64, k=4), seed=1)
    class Tok:
        def decode(self, ids): return ["<s>", "a", "b", " c", "\n", " def", "</b>", "x"][ids[0]]
        def convert_ids_to_tokens(self, i): return self.decode([i])
    delta, q = r.normal(0, .02, N), r.uniform(0, 1, N)
    drift = pd.DataFrame(dict(latent=range(N), freq_base=r.uniform(0, .2, N), freq_ft=r.uniform(0, .2, N), delta=delta,
        lo=delta-.01, hi=delta+.01, q=q, called=q < .02)).set_index("latent")
    placebo = pd.DataFrame(dict(latent=range(N), net_delta=delta, net_lo=delta-.01, net_hi=delta+.01, net_q=q,
        survives=q < .004)).set_index("latent")
    words = ["‘return’", "‘def’", "digits", "after a line break", ""]
    named = pd.DataFrame(dict(label=[words[i % len(words)] for i in range(N)],
        evidence=[f"{i % 90} % of it" for i in range(N)]))
    promoted = [[[(f" tok{i}", 1.)], []] for i in range(N)]
    rows = C.overview("base SAE", N, {"base SAE": dict(drift=drift, placebo=placebo)}, named=named, promoted=promoted)
    cards = C.card_data(sae, pair, Tok(), drift.reset_index().iloc[:PAGES])
    return C.write_cards(cards, folder, "Latents of a test", "Synthetic rows.", table=rows), rows


SHOWN = """[...document.querySelectorAll('#latents tbody tr')]
.map(r => (r.querySelector('td.id')||{innerText:''}).innerText.replace(/\\D/g, '')).filter(o => o)"""
INFO = "document.querySelector('.dt-info').innerText.replace(/[^0-9() a-z]/g, '')"
CHANGE = "[...document.querySelectorAll('#latents thead th')].find(o => o.innerText.startsWith('Change'))"
SET = """(() => { const o = document.querySelector('#%s'); o.value = %s;
o.dispatchEvent(new Event('%s', {bubbles: true})) })()"""

def total(n): return f"{INFO}.includes('of {n} latents')"
def first(i): return f"{SHOWN}[0] == '{i}'"


class Table:
    "The table in a browser: what is done with it, what it shows then, how long that took, and what is wrong."
    def __init__(self, b, rows): self.b, self.rows, self.bad, self.times = b, rows, [], {}

    def open(self, url):
        "Open a page that is not there yet, and wait until the table stands."
        self.b.go("about:blank")
        self.b.go(url)
        return self.b.until("document.readyState == 'complete' && document.documentElement.dataset.ready == '1'")

    def want(self, ok, what):
        if not ok: self.bad.append(what)

    def shows(self, what, code):
        t = time.time()
        ok = self.b.until(code, 10)
        self.times[what] = time.time()-t
        now = [self.b.js(o) for o in (INFO, SHOWN, "location.hash")] if not ok else [""]*3
        self.want(ok, f"{what}: it shows {now[0]!r}, rows {(now[1] or [])[:4]}, address {now[2]!r}")

    def search(self, text): self.b.js(SET % ("q", json.dumps(text), "input"))
    def choose(self, id, value): self.b.js(SET % (id, json.dumps(value), "change"))
    def press(self, key): self.b.page.keyboard.press(key)


def opened(t, url):
    "All rows are there, and few are drawn."
    start = time.time()
    if not t.open(url): return t.bad.append(f"the table does not come up: {t.b.problems('file:')}")
    t.times["open"] = time.time()-start
    t.shows("all rows are there", total(len(t.rows)))
    n, drawn = t.b.js("document.querySelectorAll('*').length"), len(t.b.js(SHOWN))
    t.want(drawn == 25, f"{drawn} rows are drawn, not 25")
    t.want(n <= 3000, f"{n} elements are drawn for {len(t.rows)} latents")


def searched(t):
    "A number by the keyboard, a name, nothing, and all again."
    t.press("/")
    t.want(t.b.js("document.activeElement.id") == "q", "the key / does not lead to the search")
    t.b.page.keyboard.insert_text("#12345")
    t.shows("search by number", f"{total(1)} && {first(12345)}")
    t.search("line break")
    t.shows("search by name", total(int(t.rows.label.str.contains("line break").sum())))
    t.search("no such thing")
    says_so = "document.querySelector('#latents tbody').innerText.includes('No latent fits')"
    t.shows("search for nothing says so", says_so)
    t.search("")
    t.shows("an emptied search", total(len(t.rows)))


def is_sorted(t):
    "By a column, both ways, with the state told to screen readers."
    press = f"(() => {{ const h = {CHANGE}; (h.querySelector('button,[role=button]') || h).click() }})()"
    t.b.js(press)
    t.shows("sort downwards", first(int(t.rows.delta.idxmax())))
    told = t.b.js(f"{CHANGE}.getAttribute('aria-sort')")
    t.want(told == "descending", "the sorted column does not say that it is")
    t.b.js(press)
    t.shows("sort upwards", first(int(t.rows.delta.idxmin())))


def filtered(t):
    "By verdict, on top of the sorting; then with a search; then by a link that restores all of it in a fresh page."
    kept = t.rows[[any(o == "survives the placebo" for o in tags) for tags in t.rows.tags]]
    t.choose("verdict", "survives the placebo")
    t.shows("filter by verdict", f"{total(len(kept))} && {first(int(kept.delta.idxmin()))}")
    some = kept[kept.label == "digits"]
    as_chosen = f"{total(len(some))} && {first(int(some.delta.idxmin()))}"
    t.search("digits")
    t.shows("search, sorting and filter together", as_chosen)
    link, before = t.b.js("location.href"), t.b.js(SHOWN)
    kept_in = all(o in link for o in ("#", "q=digits", "verdict=", "sort=delta.asc"))
    t.want(kept_in, f"the address does not keep what is seen: {link.rpartition('/')[2]}")
    t.open(link)
    t.shows("a link restores search, sorting and filter", as_chosen)
    now = t.b.js(SHOWN)
    t.want(now == before, f"a link restores other rows: {now[:4]} for {before[:4]}")
    controls = t.b.js("[document.querySelector('#q').value, document.querySelector('#verdict').value].join()")
    t.want(controls == "digits,survives the placebo", "a link does not restore the controls")
    t.b.js("document.querySelector('#clear').click()")
    t.shows("Clear brings all rows back", f"{total(len(t.rows))} && location.hash.length < 2")


def by_keys(t):
    "Tab reaches the first card's link, arrows move by rows, Enter opens the card."
    b = t.b
    b.js("document.querySelector('#q').focus()")
    at_row = lambda: t.press("Tab") or b.js("!!document.activeElement.closest('#latents tbody a')")
    steps = next((i for i in range(1, 40) if at_row()), None)
    if steps is None: return t.bad.append("Tab does not reach a row of the table")
    here, link = b.js("document.activeElement.innerText"), b.js("document.activeElement.href")
    ring = b.js("document.activeElement.matches(':focus-visible') && "
                "getComputedStyle(document.activeElement).outlineStyle != 'none'")
    t.want(ring, "the focused link has no visible ring")
    t.press("ArrowDown")
    moved = b.js("document.activeElement.innerText") not in (here, "", None)
    t.want(moved, f"the arrow key does not move from row {here}")
    t.press("ArrowUp")
    b.seen.clear()
    t.press("Enter")
    there = b.until(f"location.href == {json.dumps(link)} && document.readyState == 'complete'", 10)
    t.want(there, f"Enter on latent {here} does not open its card")
    title = b.js("document.querySelector('h1').innerText") or ""
    t.want(not there or f"Latent {here}" in title, f"the card of latent {here} has another title")
    t.bad += [o for o in b.problems("file:") if "favicon" not in o]
    took = ", ".join(f"{k} {1000*v:.0f} ms" for k, v in t.times.items())
    print(f"          {steps} times Tab from search to the first row; {took}", flush=True)


def try_browser():
    "What does not work in the latent browser, as lines; times are printed."
    with tempfile.TemporaryDirectory() as tmp:
        page, rows = make(tmp)
        t = Table(Browser(), rows)
        try:
            opened(t, Path(page).resolve().as_uri())
            for step in (searched, is_sorted, filtered, by_keys) if t.times else (): step(t)
            return t.bad
        finally: t.b.close()


if __name__ == "__main__":  # python .ci/browser/latents.py
    bad = try_browser()
    print("\n".join(bad) or "ok")
    sys.exit(bool(bad))
