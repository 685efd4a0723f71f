"The explorer in JupyterLab, in headless Chromium: it renders, and a click on the scatter changes the card."
import json, os, shutil, socket, subprocess, sys, tempfile, time, urllib.request
from pathlib import Path

import browse


def notebook(run):
    "A notebook that shows the explorer of a run."
    cell = dict(cell_type="code", id="explorer", metadata={}, outputs=[], execution_count=None, source=f"from sae_diploma.explorer import Explorer\nex = Explorer({str(run)!r})\nex")
    return dict(cells=[cell], metadata=dict(kernelspec=dict(name="python3", display_name="Python 3", language="python")), nbformat=4, nbformat_minor=5)


class Lab:
    "JupyterLab on a free port of this machine, with settings of its own."
    def __init__(self, folder, theme="JupyterLab Light"):
        with socket.socket() as s: s.bind(("127.0.0.1", 0)); self.port = s.getsockname()[1]
        home, bin = Path(folder)/"home", Path(sys.executable).parent
        (home/"settings/@jupyterlab/apputils-extension").mkdir(parents=True)
        (home/"settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings").write_text(json.dumps(dict(theme=theme)), encoding="utf-8")
        (home/"settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings").write_text(json.dumps(dict(fetchNews="false", checkForUpdates=False)), encoding="utf-8")
        env = dict(os.environ, PATH=f"{bin}{os.pathsep}{os.environ['PATH']}", JUPYTER_CONFIG_DIR=str(home/"config"), JUPYTER_DATA_DIR=str(home/"data"), JUPYTER_RUNTIME_DIR=str(home/"runtime"), JUPYTERLAB_SETTINGS_DIR=str(home/"settings"),
                   JUPYTERLAB_WORKSPACES_DIR=str(home/"workspaces"), IPYTHONDIR=str(home/"ipython"), HF_HUB_OFFLINE="1", SAE_DIPLOMA_QUIET="1")
        self.log = open(Path(folder)/"lab.log", "w", encoding="utf-8")
        self.proc = subprocess.Popen([str(bin/"jupyter"), "lab", "--no-browser", "--allow-root", "--expose-app-in-browser", f"--ServerApp.root_dir={folder}", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
                                      "--IdentityProvider.token=", "--ServerApp.password="], env=env, stdout=self.log, stderr=subprocess.STDOUT, cwd=folder)
        self.url = f"http://127.0.0.1:{self.port}"
        end = time.time()+60
        while True:
            try: urllib.request.urlopen(f"{self.url}/api/status", timeout=2); break
            except OSError:
                if time.time() > end or self.proc.poll() is not None: self.close(); raise RuntimeError("JupyterLab did not start: " + Path(self.log.name).read_text(encoding="utf-8")[-400:])
                time.sleep(.2)

    def close(self):
        self.proc.terminate()
        try: self.proc.wait(10)
        except subprocess.TimeoutExpired: self.proc.kill()
        self.log.close()


def until(b, code, seconds=60):
    "Wait until JavaScript says yes; whether it did."
    end = time.time()+seconds
    while time.time() < end:
        if b.js(code): return True
        time.sleep(.2)
    return False


CARD, POINTS = "(document.querySelector('.sx section.card h2')||{}).innerText||''", "document.querySelectorAll('.sx svg [data-i]')"

def size(b, w, h): b.call("Emulation.setDeviceMetricsOverride", width=w, height=h, deviceScaleFactor=1, mobile=False)

def click(b, code):
    "A real mouse click in the middle of the element that JavaScript finds."
    x, y = b.js(f"(()=>{{const e={code}; e.scrollIntoView({{block:'center'}}); const r=e.getBoundingClientRect(); return [r.left+r.width/2, r.top+r.height/2]}})()")
    for kind in ("mousePressed", "mouseReleased"): b.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def explore(run, shots=None, theme="JupyterLab Light", width=1440):
    "What goes wrong when the explorer of `run` is opened and clicked in JupyterLab; pictures go into the folder `shots` when given."
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp)/"explorer.ipynb").write_text(json.dumps(notebook(Path(run).resolve())), encoding="utf-8")
        lab, b = Lab(tmp, theme), browse.Browser(browse.find_browser())
        try:
            size(b, width, 1600 if shots else 1000)
            b.call("Page.navigate", url=f"{lab.url}/lab/tree/explorer.ipynb?reset")
            if not until(b, "!!window.jupyterapp && !!document.querySelector('.jp-Notebook .jp-Cell')"): return ["JupyterLab did not open the notebook"]
            b.js("jupyterapp.commands.execute('application:set-mode', {mode: 'single-document'})")
            until(b, "(jupyterapp.shell.currentWidget||{}).sessionContext && jupyterapp.shell.currentWidget.sessionContext.session && jupyterapp.shell.currentWidget.sessionContext.session.kernel.status=='idle'")
            if b.js("!document.querySelector('.jp-mod-left.lm-mod-hidden') && !!document.querySelector('#jp-left-stack:not(.lm-mod-hidden)')"): b.js("jupyterapp.commands.execute('application:toggle-left-area')")
            b.events.clear(); b.js("jupyterapp.commands.execute('notebook:run-all-cells')")
            if not until(b, f"{POINTS}.length > 0"): return [f"the scatter did not appear: {b.js('document.querySelector(`.jp-OutputArea`).innerText')[:300]}"]
            if not until(b, CARD): return ["the card did not appear"]
            bad, before = [], b.js(CARD)
            if shots: picture(b, Path(shots)/f"card-{width}-{theme.split()[-1].lower()}.png")
            i = b.js(f"[...{POINTS}].findIndex(o => !new RegExp('Latent '+o.dataset.i+'\\\\b').test({json.dumps(before)}) && !o.classList.contains('off'))")
            want = b.js(f"{POINTS}[{i}].dataset.i")
            click(b, f"{POINTS}[{i}]")
            near = f"({CARD}) != {json.dumps(before)}"
            if not until(b, near, 20): bad.append(f"a click on the point of latent {want} left the card of {before}")
            elif b.js("(document.querySelector('.sx svg .ring')||{}).tagName") is None: bad.append("the clicked point is not ringed")
            wide = b.js("[...document.querySelectorAll('.sx')].filter(o => o.scrollWidth > o.clientWidth+2).map(o => o.scrollWidth)")
            if wide: bad.append(f"the explorer is wider than its cell: {wide}")
            nameless = b.js("[...document.querySelectorAll('.sx input:not(.sx-pick input), .sx select, .sx textarea')].filter(o => !o.closest('.sx-pick') && !(o.labels && [...o.labels].some(l => l.innerText.trim())) && !o.title && !o.ariaLabel && !o.closest('label')).length")
            if nameless: bad.append(f"{nameless} controls have no label")
            if shots: tabs(b, shots, width, theme)
            host = [f for f in browse.problems(b.events, lab.url) if "asks another host" in f or f.startswith("exception")]
            return bad+host
        finally:
            b.close(); lab.close()


def tabs(b, shots, width, theme):
    "Pictures of the other tabs."
    for k in (1, 2):
        click(b, f"document.querySelectorAll('.sx .lm-TabBar-tab')[{k}]"); time.sleep(1.5)
        picture(b, Path(shots)/f"{('card', 'text', 'steer')[k]}-{width}-{theme.split()[-1].lower()}.png")


def picture(b, path):
    import base64
    path.parent.mkdir(parents=True, exist_ok=True); time.sleep(.5)
    path.write_bytes(base64.b64decode(b.call("Page.captureScreenshot", format="png")["data"]))


if __name__ == "__main__":  # python .ci/lab.py RUN [FOLDER FOR PICTURES [WIDTH [dark]]]
    a = sys.argv[1:]
    bad = explore(a[0], a[1] if len(a) > 1 else None, "JupyterLab Dark" if "dark" in a[3:] else "JupyterLab Light", int(a[2]) if len(a) > 2 else 1440)
    print("\n".join(bad) or "ok"); sys.exit(bool(bad))
