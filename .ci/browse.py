"Open every page of a site in headless Chromium: each must load, with its images and links, without a console error, and without a serious barrier that axe-core finds."
import functools, http.server, importlib.util, json, os, queue, re, shutil, socketserver, subprocess, sys, tempfile, threading, time, urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def find_browser():
    "Path of a Chromium, or None."
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
    return os.environ.get("CHROMIUM") or next((p for n in names if (p := shutil.which(n))), None)


def find_axe():
    "Path of axe-core's script: the one that the variable AXE names, else that of `axe-playwright-python` (of the dev extra; found, never imported), or None: then pages are not checked for barriers."
    spec = importlib.util.find_spec("axe_playwright_python")
    places = [os.environ.get("AXE", ""), *(f"{o}/axe.min.js" for o in (spec.submodule_search_locations if spec else ()))]
    return next((o for o in places if o and Path(o).is_file()), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    "A file server that does not talk."
    def log_message(self, *args): pass


def serve(folder):
    "Serve `folder` on a free port of this machine and return the server."
    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True
    s = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


class Browser:
    "A headless Chromium, driven over its DevTools protocol."
    def __init__(self, exe):
        import websocket
        self.home = tempfile.mkdtemp()
        args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
                "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={self.home}", "--window-size=1280,1000", "about:blank"]
        self.proc = subprocess.Popen([exe, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._port()
        tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
        self.ws = websocket.create_connection(next(t for t in tabs if t["type"] == "page")["webSocketDebuggerUrl"], timeout=60)
        self.n, self.events = 0, []
        for domain in ("Page", "Runtime", "Log", "Network"): self.call(f"{domain}.enable")

    def _port(self):
        f, end = Path(self.home)/"DevToolsActivePort", time.time()+60
        while time.time() < end:
            if f.exists() and f.read_text(encoding="utf-8").strip(): return f.read_text(encoding="utf-8").split()[0]
            if self.proc.poll() is not None: break
            time.sleep(.1)
        raise RuntimeError("Chromium did not start")

    def call(self, method, **params):
        "Send a command, keep the events that come meanwhile, return the answer."
        self.n += 1
        self.ws.send(json.dumps(dict(id=self.n, method=method, params=params)))
        while True:
            m = json.loads(self.ws.recv())
            if m.get("id") == self.n: return m.get("result", {})
            self.events.append(m)

    def wait(self, method):
        "Wait for an event."
        while not any(m.get("method") == method for m in self.events): self.events.append(json.loads(self.ws.recv()))

    def js(self, code): return self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True).get("result", {}).get("value")

    def close(self):
        try: self.call("Browser.close")
        except Exception: pass
        try: self.proc.wait(10)
        except subprocess.TimeoutExpired: self.proc.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def problems(events, host):
    "What went wrong on a page, from the browser's events."
    out, urls = [], {}
    for m in events:
        p = m.get("params", {})
        if m.get("method") == "Network.requestWillBeSent":
            urls[p["requestId"]] = url = p["request"]["url"]
            if not url.startswith((host, "data:", "blob:", "about:")): out.append(f"asks another host: {url[:120]}")
        elif m.get("method") == "Network.loadingFailed" and not p.get("canceled"): out.append(f"failed to load {urls.get(p['requestId'], '?')[:120]}: {p.get('errorText')}")
        elif m.get("method") == "Network.responseReceived" and p["response"]["status"] >= 400 and not p["response"]["url"].endswith("/favicon.ico"):
            out.append(f"{p['response']['status']} {p['response']['url'][:120]}")
        elif m.get("method") == "Runtime.exceptionThrown": out.append("exception: "+p["exceptionDetails"].get("exception", {}).get("description", p["exceptionDetails"]["text"])[:200])
        elif m.get("method") == "Runtime.consoleAPICalled" and p["type"] == "error": out.append("console error: "+" ".join(str(a.get("value", a.get("description"))) for a in p["args"])[:200])
        elif m.get("method") == "Log.entryAdded" and p["entry"]["level"] == "error" and "favicon.ico" not in p["entry"].get("url", ""): out.append("log error: "+p["entry"]["text"][:200])
    return out


def overflow_js():
    "JavaScript: is the page wider than its window?"
    return "document.documentElement.scrollWidth > window.innerWidth + 2 ? document.documentElement.scrollWidth : 0"


def view(b, width, dark):
    "Set the window's width in pixels, and whether the reader's system is dark."
    b.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=width < 500)
    b.call("Emulation.setEmulatedMedia", features=[dict(name="prefers-color-scheme", value="dark" if dark else "light")])


def barriers(b, axe, code=True):
    "Serious and critical violations that axe-core finds on the page, as 'rule: how many, where first' lines; without the words of code blocks (half of its time) unless `code`."
    b.js(axe)
    found = b.js(f"axe.run({'document' if code else '{exclude: [[`pre code`]]}'}, {{resultTypes: ['violations'], iframes: false}})"
                 ".then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes.length, v.nodes[0].target.join(' '), (v.nodes[0].any[0] || v.nodes[0].all[0] || v.nodes[0].none[0] || {}).message || '']))")
    return [f"axe {o[0]}: {o[1]} times, first {o[2][:110]}: {o[3][:160]}" for o in found or []] if found is not None else ["axe did not run"]


def kinds(site):
    "One page of each kind: front page, a chapter, the browser, a card, a page of the library, a tutorial."
    site = Path(site)
    some = ("index.html", "model_comparison.html", "feature_visualization.html", "cards/index.html", "cards/latent/*.html", "lib/measuring/metrics.html", "tutorials/*.html")
    return [f[0].relative_to(site).as_posix() for o in some if (f := sorted(site.glob(o)))]


def browse(site, exe=None, shots=None, axe=None, views=((1280, False),), only=None, code=True, few=("cards/latent/", 4), at_once=2):
    """page -> list of problems, for every page of `site` (those whose name holds the text `only`, or that the list `only` names), in each view (width, dark).

    Writes a picture of each into the folder `shots` when given, asks axe when its script's path is given (about the words of code blocks too if `code`; about the first `few[1]` only of the pages below `few[0]`, which are alike), and works with `at_once` browsers."""
    axe = Path(axe).read_text(encoding="utf-8") if axe else None
    site, server = Path(site).resolve(), serve(site)
    host = f"http://127.0.0.1:{server.server_address[1]}"
    names = [f.relative_to(site).as_posix() for f in sorted(site.rglob("*.html"))]
    if only: names = [o for o in names if (only in o if isinstance(only, str) else o in only)]
    alike = set([o for o in names if o.startswith(few[0])][few[1]:])
    todo, out = queue.SimpleQueue(), {}
    for o in names: todo.put(o)
    def work():
        b = Browser(exe or find_browser())
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


def look(b, host, name, views, axe=None, shots=None, code=True):
    "The problems of one page in each view."
    bad = []
    for width, dark in views:
        b.events.clear()
        view(b, width, dark)
        b.call("Page.navigate", url=f"{host}/{name}")
        b.wait("Page.loadEventFired")
        b.js("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager'); new Promise(r => setTimeout(r, 150))")
        now = problems(b.events, host)
        broken = b.js("[...document.images].filter(i => i.complete && !i.naturalWidth && getComputedStyle(i).display != 'none').map(i => (i.alt || i.src).slice(0, 80))") or []
        now += [f"broken image {o}" for o in broken]
        if not (b.js("document.body.innerText.trim().length") or 0) > 20: now.append("the page is empty")
        if w := b.js(overflow_js()): now.append(f"wider than the window: {w} pixels")
        if axe: now += barriers(b, axe, code)
        bad += now if len(views) == 1 else [f"{width} px{' dark' if dark else ''}: {o}" for o in now]
        if shots: screenshot(b, Path(shots)/f"{name.replace('/', '-')[:-5]}{'' if len(views) == 1 else f'-{width}-' + ('dark' if dark else 'light')}.png", width)
    return list(dict.fromkeys(bad))


def screenshot(b, path, width=1280, most=12000):
    "A picture of the whole page."
    import base64
    path.parent.mkdir(parents=True, exist_ok=True)
    h = min(int(b.js("document.documentElement.scrollHeight") or 1000), most)
    clip = dict(x=0, y=0, width=width, height=h, scale=1)
    path.write_bytes(base64.b64decode(b.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]))


VIEWS = [(w, d) for w in (1440, 800, 390) for d in (False, True)]

if __name__ == "__main__":  # python .ci/browse.py SITE [FOLDER FOR PICTURES [ONLY]]: with a folder, three widths, light and dark
    shots = sys.argv[2] if len(sys.argv) > 2 else None
    res = browse(sys.argv[1], shots=shots, axe=find_axe(), views=VIEWS if shots else VIEWS[:1], only=sys.argv[3] if len(sys.argv) > 3 else None)
    for page, bad in res.items(): print(("ok    " if not bad else "FAIL  ")+page, *bad, sep="\n        " if bad else " ")
    sys.exit(any(res.values()))
