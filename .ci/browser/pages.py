"Every page of a site in headless Chromium: it loads, with its images, without an error, and without a serious barrier."
import queue, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from driver import Browser, find_axe, serve

TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth + 2 ? document.documentElement.scrollWidth : 0"
ALL_IMAGES = """new Promise(r => { const lazy = document.querySelectorAll('img[loading=lazy]');
lazy.forEach(i => i.loading = 'eager'); setTimeout(r, lazy.length ? 150 : 0) })"""
BROKEN = """[...document.images].filter(i => i.complete && !i.naturalWidth && getComputedStyle(i).display != 'none')
.map(i => (i.alt || i.src).slice(0, 80))"""
AXE = """axe.run(%s, {resultTypes: ['violations'], iframes: false}).then(r => r.violations
.filter(v => ['serious', 'critical'].includes(v.impact))
.map(v => { const n = v.nodes[0], why = n.any[0] || n.all[0] || n.none[0] || {};
            return [v.id, v.nodes.length, n.target.join(' '), why.message || ''] }))"""


def barriers(b, axe, code=True):
    "Serious and critical violations that axe-core finds; not about the words of code (half of its time) unless `code`."
    b.js(axe)
    found = b.js(AXE % ("document" if code else "{exclude: [[`pre code`]]}"))
    if found is None: return ["axe did not run"]
    return [f"axe {rule}: {n} times, first {where[:110]}: {why[:160]}" for rule, n, where, why in found]


def kinds(site):
    "One page of each kind: front page, a chapter, the browser, a card, a page of the library, a tutorial."
    site = Path(site)
    some = ("index.html", "model_comparison.html", "feature_visualization.html", "cards/index.html",
        "cards/latent/*.html", "lib/measuring/metrics.html", "tutorials/*.html")
    return [f[0].relative_to(site).as_posix() for o in some if (f := sorted(site.glob(o)))]


def look(b, host, name, views, axe=None, shots=None, code=True):
    "The problems of one page in each view."
    bad = []
    for width, dark in views:
        b.view(width, dark).seen.clear()
        b.go(f"{host}/{name}")
        b.js(ALL_IMAGES)
        b.page.wait_for_timeout(1) # what happened meanwhile arrives
        now = b.problems(host) + [f"broken image {o}" for o in b.js(BROKEN) or []]
        if not (b.js("document.body.innerText.trim().length") or 0) > 20: now.append("the page is empty")
        if w := b.js(TOO_WIDE): now.append(f"wider than the window: {w} pixels")
        if axe: now += barriers(b, axe, code)
        scheme = "dark" if dark else "light"
        bad += now if len(views) == 1 else [f"{width} px{' dark' if dark else ''}: {o}" for o in now]
        view = "" if len(views) == 1 else f"-{width}-{scheme}"
        if shots: b.shot(Path(shots)/f"{name.replace('/', '-')[:-5]}{view}.png", most=12000)
    return list(dict.fromkeys(bad))


def browse(site, shots=None, axe=None, views=((1280, False),), only=None, code=True,
    few=(("cards/latent/", 4), ("lib/", 30)), at_once=2):
    """page -> list of problems, for every page of `site` (that `only` lists, or whose name holds it), in each view.

    Writes a picture of each into the folder `shots` when given; asks axe when its script's path is given, of the pages
    below the folders of `few`, which are alike, only about so many at even distances; works with `at_once` browsers."""
    axe = Path(axe).read_text(encoding="utf-8") if axe else None
    site, server = Path(site).resolve(), serve(site)
    host = f"http://127.0.0.1:{server.server_address[1]}"
    names = [f.relative_to(site).as_posix() for f in sorted(site.rglob("*.html"))]
    if only: names = [o for o in names if (only in o if isinstance(only, str) else o in only)]
    alike = set()
    for folder, n in few:
        below = [o for o in names if o.startswith(folder)]
        alike |= set(below)-set(below[::max(1, len(below)//n)])
    todo, out = queue.SimpleQueue(), {}
    for o in names: todo.put(o)
    def work():
        b = Browser()
        try:
            while True:
                try: name = todo.get_nowait()
                except queue.Empty: return
                out[name] = look(b, host, name, views, None if name in alike else axe, shots, code)
        finally: b.close()
    try:
        with ThreadPoolExecutor(at_once) as ex:
            for o in [ex.submit(work) for _ in range(min(at_once, len(names)))]: o.result()
    finally: server.shutdown()
    return {o: out[o] for o in names}


VIEWS = [(w, d) for w in (1440, 800, 390) for d in (False, True)]

if __name__ == "__main__":  # python .ci/browser/pages.py SITE [FOLDER FOR PICTURES [ONLY]]: with a folder, in all views
    site, shots, only, *_ = [*sys.argv[1:], None, None]
    res = browse(site, shots=shots, axe=find_axe(), views=VIEWS if shots else VIEWS[:1], only=only)
    for page, bad in res.items():
        print(("ok    " if not bad else "FAIL  ")+page, *bad, sep="\n        " if bad else " ")
    sys.exit(any(res.values()))
