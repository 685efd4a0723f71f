"A headless Chromium driven by Playwright: it opens pages, and records what goes wrong on them."
import functools, http.server, importlib.util, os, shutil, socketserver, threading, time
from pathlib import Path


def find_browser():
    "Path of a Chromium, or None."
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
    return os.environ.get("CHROMIUM") or next((p for n in names if (p := shutil.which(n))), None)


def find_axe():
    "Path of axe-core's script: the one that AXE names, or that of `axe-playwright-python`; None where there is none."
    spec = importlib.util.find_spec("axe_playwright_python")
    folders = spec.submodule_search_locations if spec else ()
    places = [os.environ.get("AXE", ""), *(f"{o}/axe.min.js" for o in folders)]
    return next((o for o in places if o and Path(o).is_file()), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    "A file server that does not talk."
    def log_message(self, *args): pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True


def serve(folder):
    "Serve `folder` on a free port of this machine and return the server."
    s = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run"]

class Browser:
    "A headless Chromium of the system with one page for each view; `seen` is what happened since it was cleared."
    def __init__(self,
        exe=None, # path of the browser; the one that is found by default
        init="",  # JavaScript that runs before the scripts of every page
    ):
        from playwright.sync_api import sync_playwright
        self.playwright, self.init, self.views, self.seen = sync_playwright().start(), init, {}, []
        self.chromium = self.playwright.chromium.launch(executable_path=exe or find_browser(), args=ARGS)
        self.view(1280, False)

    def view(self, width, dark=False, height=1000):
        "Look through a window of this width, a phone's below 500 pixels, in the reader's light or dark scheme."
        key = width, dark, height
        if key not in self.views: self.views[key] = self._open(width, dark, height)
        self.page, self.cdp = self.views[key]
        return self

    def _open(self, width, dark, height):
        context = self.chromium.new_context(viewport=dict(width=width, height=height), is_mobile=width < 500,
            color_scheme="dark" if dark else "light")
        page = context.new_page()
        if self.init: page.add_init_script(self.init)
        cdp = context.new_cdp_session(page)
        cdp.send("Page.enable")
        self._listen(page, cdp)
        return page, cdp

    def _listen(self, page, cdp):
        "Record requests, failures, errors, dialogs, and navigations that a page asks for."
        note = lambda kind, what="": self.seen.append((kind, what))
        def failed(r):
            if r.failure != "net::ERR_ABORTED": note("failed", f"{r.url[:120]}: {r.failure}")
        def answered(r):
            if r.status >= 400 and not r.url.endswith("/favicon.ico"): note("status", f"{r.status} {r.url[:120]}")
        def said(m):
            if m.type == "error" and "favicon.ico" not in m.location.get("url", ""): note("console error", m.text[:200])
        def asked(d):
            note("dialog")
            d.dismiss()
        page.on("request", lambda r: note("request", r.url))
        page.on("requestfailed", failed)
        page.on("response", answered)
        page.on("console", said)
        page.on("pageerror", lambda e: note("exception", str(e)[:200]))
        page.on("dialog", asked)
        cdp.on("Page.frameRequestedNavigation", lambda _: note("navigation"))

    def go(self, url):
        "Open a page and wait until it has loaded."
        self.page.goto(url, wait_until="load", timeout=60_000)

    def js(self, code):
        "The value of an expression, a promise's too; None where the page is gone. No policy of a page forbids it."
        from playwright.sync_api import Error
        try: r = self.cdp.send("Runtime.evaluate", dict(expression=code, returnByValue=True, awaitPromise=True))
        except Error: return None
        return r.get("result", {}).get("value")

    def until(self, code, seconds=60):
        "Wait until JavaScript says yes; whether it did."
        end = time.time()+seconds
        while time.time() < end:
            if self.js(code): return True
            self.page.wait_for_timeout(200)
        return False

    def click(self, code):
        "A real mouse click in the middle of the element that JavaScript finds."
        x, y = self.js(f"(() => {{ const e = {code}; e.scrollIntoView({{block: 'center'}}); "
                       "const r = e.getBoundingClientRect(); return [r.left+r.width/2, r.top+r.height/2] })()")
        self.page.mouse.click(x, y)

    def shot(self, path, most=0):
        "A picture of the window, or of the whole page up to a height."
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not most: return self.page.screenshot(path=str(path))
        size = self.page.viewport_size
        high = min(int(self.js("document.documentElement.scrollHeight") or 1000), most)
        self.page.screenshot(path=str(path), full_page=True, clip=dict(x=0, y=0, width=size["width"], height=high))

    def problems(self, host):
        "What went wrong since `seen` was cleared, on pages of this host."
        out = []
        for kind, what in self.seen:
            if kind == "request":
                own = what.startswith((host, "data:", "blob:", "about:"))
                if not own: out.append(f"asks another host: {what[:120]}")
            elif kind == "failed": out.append(f"failed to load {what}")
            elif kind == "status": out.append(what)
            elif kind in ("exception", "console error"): out.append(f"{kind}: {what}")
        return out

    def close(self):
        self.chromium.close()
        self.playwright.stop()
