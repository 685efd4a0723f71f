"The latent browser with 16,384 rows, opened from the disk in headless Chromium: search, filter, sorting, keys and a link that restores them."
import json, sys, tempfile, time
from pathlib import Path

import browse
from lab import until

N, PAGES = 16_384, 5

def make(folder):
    "A browser of `N` latents, `PAGES` of them with a card, by the package's own functions on synthetic rows; its path, and the table."
    import numpy as np, pandas as pd, torch
    from sae_diploma import cards as C
    from sae_diploma.acts import ArrayStore, PairedStores, TokenTable
    from sae_diploma.saes import SAE, SAEConfig
    r = np.random.default_rng(0)
    docs, n = 20, 30
    doc, pos = np.repeat(np.arange(docs), n), np.tile(np.arange(n), docs)
    table = TokenTable(np.where(pos == 0, 0, r.integers(1, 8, docs*n)), doc, pos, np.zeros(docs*n, int), np.where(pos == 0, 0, 4), pd.DataFrame(dict(doc=range(docs), id=[f"d{i}" for i in range(docs)], regime="task", source="a", split="eval", text="")))
    x = torch.tensor(r.normal(size=(docs*n, 12)), dtype=torch.float32)
    pair, sae = PairedStores(ArrayStore(x), ArrayStore(x+.3), table), SAE(SAEConfig("topk", d_in=12, d_sae=64, k=4), seed=1)
    class Tok:
        def decode(self, ids): return ["<s>", "a", "b", " c", "\n", " def", "</b>", "x"][ids[0]]
        def convert_ids_to_tokens(self, i): return self.decode([i])
    delta = r.normal(0, .02, N); q = r.uniform(0, 1, N); called = q < .02
    drift = pd.DataFrame(dict(latent=range(N), freq_base=r.uniform(0, .2, N), freq_ft=r.uniform(0, .2, N), delta=delta, lo=delta-.01, hi=delta+.01, q=q, called=called)).set_index("latent")
    placebo = pd.DataFrame(dict(latent=range(N), net_delta=delta, net_lo=delta-.01, net_hi=delta+.01, net_q=q, survives=q < .004)).set_index("latent")
    words = ["‘return’", "‘def’", "digits", "after a line break", ""]
    named = pd.DataFrame(dict(label=[words[i % len(words)] for i in range(N)], evidence=[f"{i % 90} % of it" for i in range(N)]))
    rows = C.overview("base SAE", N, {"base SAE": dict(drift=drift, placebo=placebo)}, named=named, promoted=[[[(f" tok{i}", 1.)], []] for i in range(N)])
    cards = C.card_data(sae, pair, Tok(), drift.reset_index().iloc[:PAGES])
    return C.write_cards(cards, folder, "Latents of a test", "Synthetic rows.", table=rows), rows


SHOWN = "[...document.querySelectorAll('#latents tbody tr')].map(r => (r.querySelector('td.id')||{innerText:''}).innerText.replace(/\\D/g, '')).filter(o => o)"
INFO = "document.querySelector('.dt-info').innerText.replace(/[^0-9() a-z]/g, '')"

def key(b, name, text=""):
    "Press a key."
    code = dict(Enter=13, Tab=9, ArrowDown=40, ArrowUp=38).get(name, ord(name.upper()) if len(name) == 1 else 0)
    for kind in ("keyDown", "keyUp"): b.call("Input.dispatchKeyEvent", type=kind, key=name, code=name if len(name) > 1 else "", windowsVirtualKeyCode=code, **({"text": text} if text and kind == "keyDown" else {}))

def go(b, url):
    "Open a page that is not there yet, and wait until the table stands."
    b.call("Page.navigate", url="about:blank"); until(b, "location.href == 'about:blank'")
    b.call("Page.navigate", url=url)
    return until(b, "document.readyState == 'complete' && document.documentElement.dataset.ready == '1'")

def choose(b, id, value): b.js(f"(() => {{const o = document.querySelector('#{id}'); o.value = {json.dumps(value)}; o.dispatchEvent(new Event('change', {{bubbles: true}}))}})()")


def check(b, page, rows):
    "What does not work, as lines; times are printed."
    bad, times, url = [], {}, Path(page).resolve().as_uri()
    def done(what, code, seconds=10):
        t = time.time(); ok = until(b, code, seconds); times[what] = time.time()-t
        if not ok: bad.append(f"{what}: it shows {b.js(INFO)!r}, rows {(b.js(SHOWN) or [])[:4]}, address {b.js('location.hash')!r}")
        return ok
    total = lambda n: f"{INFO}.includes('of {n} latents')"
    is_first = lambda i: f"{SHOWN}[0] == '{i}'"

    t = time.time()
    if not go(b, url): return [f"the table does not come up: {browse.problems(b.events, 'file:')}"]
    times["open"] = time.time()-t
    done("all rows are there", total(len(rows)))
    if (n := len(b.js(SHOWN))) != 25: bad.append(f"{n} rows are drawn, not 25")
    if (n := b.js("document.querySelectorAll('*').length")) > 3000: bad.append(f"{n} elements are drawn for {len(rows)} latents")

    # search: a token that one latent promotes, by the keyboard
    key(b, "/", "/")
    if b.js("document.activeElement.id") != "q": bad.append("the key / does not lead to the search")
    b.call("Input.insertText", text="#12345")
    done("search by number", f"{total(1)} && {is_first(12345)}")
    choose_q = lambda s: b.js(f"(() => {{const o = document.querySelector('#q'); o.value = {json.dumps(s)}; o.dispatchEvent(new Event('input', {{bubbles: true}}))}})()")
    choose_q("line break"); done("search by name", total(int(rows.label.str.contains("line break").sum())))
    choose_q("no such thing"); done("search for nothing says so", "document.querySelector('#latents tbody').innerText.includes('No latent fits')")
    choose_q(""); done("an emptied search", total(len(rows)))

    # sorting by a column, both ways, with the state told to screen readers
    top, low = int(rows.delta.idxmax()), int(rows.delta.idxmin())
    th = "[...document.querySelectorAll('#latents thead th')].find(o => o.innerText.startsWith('Change'))"
    press = lambda: b.js(f"(() => {{const h = {th}; (h.querySelector('button,[role=button]') || h).click()}})()")
    press(); done("sort downwards", is_first(top))
    if b.js(f"{th}.getAttribute('aria-sort')") != "descending": bad.append("the sorted column does not say that it is")
    press(); done("sort upwards", is_first(low))

    # filter by verdict, on top of the sorting
    kept = rows[[any(o == "survives the placebo" for o in t) for t in rows.tags]]
    choose(b, "verdict", "survives the placebo"); done("filter by verdict", f"{total(len(kept))} && {is_first(int(kept.delta.idxmin()))}")
    choose_q("digits"); some = kept[kept.label == "digits"]; done("search, sorting and filter together", f"{total(len(some))} && {is_first(int(some.delta.idxmin()))}")

    # a link that restores all of it, in a fresh page
    link, before = b.js("location.href"), b.js(SHOWN)
    if not all(o in link for o in ("#", "q=digits", "verdict=", "sort=delta.asc")): bad.append(f"the address does not keep what is seen: {link.rpartition('/')[2]}")
    go(b, link); done("a link restores search, sorting and filter", f"{total(len(some))} && {is_first(int(some.delta.idxmin()))}")
    if (now := b.js(SHOWN)) != before: bad.append(f"a link restores other rows: {now[:4]} for {before[:4]}")
    if b.js("[document.querySelector('#q').value, document.querySelector('#verdict').value].join()") != "digits,survives the placebo": bad.append("a link does not restore the controls")
    b.js("document.querySelector('#clear').click()"); done("Clear brings all rows back", f"{total(len(rows))} && location.hash.length < 2")

    # keys: Tab reaches the first card's link, arrows move by rows, Enter opens the card
    b.js("document.querySelector('#q').focus()")
    steps = next((i for i in range(1, 40) if not key(b, "Tab") and b.js("!!document.activeElement.closest('#latents tbody a')")), None)
    if steps is None: return bad+["Tab does not reach a row of the table"]
    here, link = b.js("document.activeElement.innerText"), b.js("document.activeElement.href")
    if not b.js("document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle != 'none'"): bad.append("the focused link has no visible ring")
    key(b, "ArrowDown")
    if (second := b.js("document.activeElement.innerText")) in (here, "", None): bad.append(f"the arrow key does not move from row {here}")
    key(b, "ArrowUp"); b.events.clear(); key(b, "Enter", "\r")
    if not until(b, f"location.href == {json.dumps(link)} && document.readyState == 'complete'", 10): bad.append(f"Enter on latent {here} does not open its card")
    elif f"Latent {here}" not in (b.js("document.querySelector('h1').innerText") or ""): bad.append(f"the card of latent {here} has another title")
    bad += [o for o in browse.problems(b.events, "file:") if "favicon" not in o]
    print(f"          {steps} times Tab from search to the first row; "+", ".join(f"{k} {1000*v:.0f} ms" for k, v in times.items()), flush=True)
    return bad


def try_browser(page=None, rows=None):
    "What does not work in the latent browser."
    with tempfile.TemporaryDirectory() as tmp:
        page, rows = make(tmp) if page is None else (page, rows)
        b = browse.Browser(browse.find_browser())
        try: browse.view(b, 1280, False); return check(b, page, rows)
        finally: b.close()


if __name__ == "__main__":  # python .ci/latents.py
    bad = try_browser()
    print("\n".join(bad) or "ok"); sys.exit(bool(bad))
