"The explorer in JupyterLab, in headless Chromium: it renders, and a click on the scatter changes the card."
import json, os, shutil, socket, subprocess, sys, tempfile, time, urllib.request
from pathlib import Path

from driver import Browser


def notebook(run):
    "A notebook that shows the explorer of a run."
    source = f"from sae_diploma.explorer import Explorer\nex = Explorer({str(run)!r})\nex"
    cell = dict(cell_type="code", id="explorer", metadata={}, outputs=[], execution_count=None, source=source)
    kernel = dict(name="python3", display_name="Python 3", language="python")
    return dict(cells=[cell], metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)


class Lab:
    "JupyterLab on a free port of this machine, with settings of its own."
    def __init__(self, folder, theme="JupyterLab Light"):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        home, bin = Path(folder)/"home", Path(sys.executable).parent
        self._settings(home/"settings/@jupyterlab/apputils-extension", theme)
        env = dict(os.environ, PATH=f"{bin}{os.pathsep}{os.environ['PATH']}", HF_HUB_OFFLINE="1", SAE_DIPLOMA_QUIET="1",
            IPYTHONDIR=str(home/"ipython"), JUPYTERLAB_SETTINGS_DIR=str(home/"settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(home/"workspaces"),
            **{f"JUPYTER_{o.upper()}_DIR": str(home/o) for o in ("config", "data", "runtime")})
        env.pop("JUPYTER_PATH", None) # its kernel is the ordinary one
        options = ["--no-browser", "--allow-root", "--expose-app-in-browser", f"--ServerApp.root_dir={folder}",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
            "--IdentityProvider.token=", "--ServerApp.password="]
        self.log = open(Path(folder)/"lab.log", "w", encoding="utf-8")
        self.proc = subprocess.Popen([str(bin/"jupyter"), "lab", *options], env=env, stdout=self.log,
            stderr=subprocess.STDOUT, cwd=folder)
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait()

    def _settings(self, folder, theme):
        "The theme, and no news."
        folder.mkdir(parents=True)
        quiet = dict(fetchNews="false", checkForUpdates=False)
        for name, value in (("themes", dict(theme=theme)), ("notification", quiet)):
            (folder/f"{name}.jupyterlab-settings").write_text(json.dumps(value), encoding="utf-8")

    def _wait(self, seconds=60):
        "Until it answers; raises `RuntimeError` with its log where it does not."
        end = time.time()+seconds
        while True:
            try: return urllib.request.urlopen(f"{self.url}/api/status", timeout=2)
            except OSError:
                if time.time() > end or self.proc.poll() is not None:
                    self.close()
                    said = Path(self.log.name).read_text(encoding="utf-8")[-400:]
                    raise RuntimeError(f"JupyterLab did not start: {said}") from None
                time.sleep(.2)

    def close(self):
        self.proc.terminate()
        try: self.proc.wait(10)
        except subprocess.TimeoutExpired: self.proc.kill()
        self.log.close()


CARD = "(document.querySelector('.sx section.card h2')||{}).innerText||''"
POINTS = "document.querySelectorAll('.sx svg [data-i]')"
IDLE = """(() => { const w = jupyterapp.shell.currentWidget || {}, c = w.sessionContext || {};
return c.session && c.session.kernel.status == 'idle' })()"""
SIDEBAR = """!document.querySelector('.jp-mod-left.lm-mod-hidden') &&
!!document.querySelector('#jp-left-stack:not(.lm-mod-hidden)')"""
TOO_WIDE = "[...document.querySelectorAll('.sx')].filter(o => o.scrollWidth > o.clientWidth+2).map(o => o.scrollWidth)"
NAMELESS = """[...document.querySelectorAll('.sx input:not(.sx-pick input), .sx select, .sx textarea')]
.filter(o => !o.closest('.sx-pick') && !(o.labels && [...o.labels].some(l => l.innerText.trim()))
             && !o.title && !o.ariaLabel && !o.closest('label')).length"""
OTHER = """[...%s].findIndex(o => !new RegExp('Latent '+o.dataset.i+'\\\\b').test(%s)
                                && !o.classList.contains('off'))"""


def run_notebook(b, url):
    "Open the notebook alone and run it; what went wrong, or ''."
    b.go(f"{url}/lab/tree/explorer.ipynb?reset")
    if not b.until("!!window.jupyterapp && !!document.querySelector('.jp-Notebook .jp-Cell')"):
        return "JupyterLab did not open the notebook"
    b.js("jupyterapp.commands.execute('application:set-mode', {mode: 'single-document'})")
    b.until(IDLE)
    if b.js(SIDEBAR): b.js("jupyterapp.commands.execute('application:toggle-left-area')")
    b.seen.clear()
    b.js("jupyterapp.commands.execute('notebook:run-all-cells')")
    if not b.until(f"{POINTS}.length > 0"):
        return f"the scatter did not appear: {b.js('document.querySelector(`.jp-OutputArea`).innerText')[:300]}"
    return "" if b.until(CARD) else "the card did not appear"


def click_a_point(b):
    "A click on another latent's point shows its card, and rings the point."
    before = b.js(CARD)
    point = f"{POINTS}[{b.js(OTHER % (POINTS, json.dumps(before)))}]"
    want = b.js(f"{point}.dataset.i")
    b.click(point)
    if not b.until(f"({CARD}) != {json.dumps(before)}", 20):
        return [f"a click on the point of latent {want} left the card of {before}"]
    ringed = b.js("(document.querySelector('.sx svg .ring')||{}).tagName") is not None
    return [] if ringed else ["the clicked point is not ringed"]


def explore(run, shots=None, theme="JupyterLab Light", width=1440):
    "What goes wrong when the explorer of `run` is opened and clicked in JupyterLab; pictures go into `shots`."
    name = f"{width}-{theme.split()[-1].lower()}.png"
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp)/"explorer.ipynb").write_text(json.dumps(notebook(Path(run).resolve())), encoding="utf-8")
        lab, b = Lab(tmp, theme), Browser()
        try:
            b.view(width, height=1600 if shots else 1000)
            if why := run_notebook(b, lab.url): return [why]
            if shots: b.shot(Path(shots)/f"card-{name}")
            bad = click_a_point(b)
            if wide := b.js(TOO_WIDE): bad.append(f"the explorer is wider than its cell: {wide}")
            if n := b.js(NAMELESS): bad.append(f"{n} controls have no label")
            for k, tab in enumerate(("text", "steer"), 1) if shots else ():
                b.click(f"document.querySelectorAll('.sx .lm-TabBar-tab')[{k}]")
                b.page.wait_for_timeout(2000)
                b.shot(Path(shots)/f"{tab}-{name}")
            b.page.wait_for_timeout(1)
            return bad + [o for o in b.problems(lab.url) if "asks another host" in o or o.startswith("exception")]
        finally:
            b.close()
            lab.close()


if __name__ == "__main__":  # python .ci/browser/lab.py RUN [FOLDER FOR PICTURES [WIDTH [dark]]]
    run, shots, width, scheme, *_ = [*sys.argv[1:], None, None, None]
    bad = explore(run, shots, "JupyterLab Dark" if scheme == "dark" else "JupyterLab Light", int(width or 1440))
    print("\n".join(bad) or "ok")
    sys.exit(bool(bad))
