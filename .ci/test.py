"""Everything that is checked, in one command (`make test` calls it); the last line is the sum.

python .ci/test.py                all of it, side by side
python .ci/test.py check          what a contributor runs between edits (`make check`)
python .ci/test.py notebooks      only the named parts: clean house notebooks changed pytest chain site latents lab
python .ci/test.py pytest --fast  without the tests that are marked `slow`
python .ci/test.py house --record write how the notebooks read now into `house.json`
"""
import collections, contextlib, json, os, shutil, subprocess, sys, tempfile, threading, time
import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# a letter that the terminal lacks is no failure
for s in (sys.stdout, sys.stderr): s.reconfigure(errors="backslashreplace")
ENV = dict(os.environ, PYTHONIOENCODING="utf-8", PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}", SAE_DIPLOMA_QUIET="1",
    TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", OMP_WAIT_POLICY="PASSIVE")
ENV.pop("PYTHONDONTWRITEBYTECODE", None) # hundreds of processes import the package: one compiles it
FAST, SAVE = "--fast" in sys.argv, "--record" in sys.argv
MINUTES = float(os.environ.get("SAE_DIPLOMA_TEST_MINUTES", 55)) # a usual machine needs a third of them
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
ONE = dict(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1") # beside each other threads of many cores would wait for each other
HALF = {k: str(max(1, CORES//2)) for k in ONE}
counts, counting = dict(passed=0, failed=0, skipped=0), threading.Lock()
spent, CALLED = collections.Counter(), "commands" # processor seconds by what they were spent on
not_begun = [] # what was not begun in time
sys.path[:0] = [str(ROOT/".ci"), str(ROOT/".ci/browser")]
import house as rules, kernels as forked_kernels, pool


def spend(what, seconds):
    "Add processor seconds to what is listed at the end."
    with counting: spent[what] += seconds


def result(name, outcome, note="", seconds=None):
    "Count one check and say how it went."
    with counting: counts[outcome] += 1
    took = f"  {seconds:.0f} s" if seconds is not None else ""
    print(f"  {outcome:<8}{name}{took}{f'  {note}' if note else ''}", flush=True)


MODULES = {"sae-diploma": "sae_diploma.cli", "papermill": "papermill"} # what these programs run

def call(*cmd, cwd=ROOT, env=None, timeout=2400, what="", fresh=False):
    """Run a program of the environment; its output comes back. Its processor seconds are listed under `what`.

    Where there are servers, a fork runs the module behind it, unless it is to be `fresh`."""
    fork = None if fresh or cmd[0] not in (*MODULES, sys.executable) else ENV.get("SAE_DIPLOMA_TEST_PYTHON")
    exe = shutil.which(cmd[0], path=str(BIN)) or cmd[0] # on Windows a program ends with .exe
    head = [exe] if not fork else [fork, *(["-m", MODULES[cmd[0]]] if cmd[0] in MODULES else [])]
    words = [*head, *map(str, cmd[1:])]
    p = subprocess.Popen(words, cwd=cwd, env=ENV|dict(SAE_DIPLOMA_TEST_OF=what)|(env or {}), text=True, encoding="utf-8",
        errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    late = threading.Timer(timeout, p.kill)
    late.start()
    said = p.stdout.read()
    if hasattr(os, "wait4"):
        _, status, use = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        for o in (what or cmd[0], CALLED): spend(o, use.ru_utime + use.ru_stime)
    p.wait(); p.stdout.close(); late.cancel()
    return subprocess.CompletedProcess(words, p.returncode, said)


def named(job):
    "What a job is called where it is not run."
    of, args = getattr(job, "func", job), getattr(job, "args", ())
    if of is timed: return named(args[0])
    return args[0].name if args and isinstance(args[0], Path) else of.__name__


def too_late(job):
    "Whether the minutes are over; then a job that has not begun is skipped, and the count says so."
    if time.time()-t0 < 60*MINUTES: return False
    result(named(job), "skipped", f"not begun within {MINUTES:g} minutes; SAE_DIPLOMA_TEST_MINUTES=120 waits longer")
    with counting: not_begun.append(named(job))
    return True


def run_all(jobs, slots): ended(pool.run_all(jobs, slots, too_late))


def tail(s, n=25): return "\n".join("          "+l for l in s.strip().splitlines()[-n:])


GENERATED = {".venv", "_runs", "_site", "_proc", "__pycache__", ".git", "build", "dist"}

def files(folder):
    "What belongs to the source tree: git's view where there is git, else all but hidden and generated folders."
    if shutil.which("git") and (folder/".git").exists():
        r = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=folder, capture_output=True, text=True,
            encoding="utf-8", errors="replace")
        if r.returncode == 0: return sorted({o for o in r.stdout.splitlines() if (folder/o).is_file()})
    paths = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]
    generated = lambda p: GENERATED & set(p.parts) or any(o.endswith(".egg-info") for o in p.parts)
    return sorted(p.as_posix() for p in paths if not generated(p))


def clean():
    "nbdev's clean and export, in a copy of the tree, must change nothing."
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp)/ROOT.name
        names = files(ROOT)
        for o in names:
            (copy/o).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT/o, copy/o, follow_symlinks=False)
        # nbdev writes the line ends of its system, and reads in its encoding
        text = lambda p: p.read_bytes().replace(b"\r\n", b"\n")
        for cmd in ("nbdev_clean", "nbdev_export"):
            r = call(cmd, cwd=copy, env=dict(PYTHONUTF8="1"), what="clean")
            there = [p for p in copy.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
            now = {p.relative_to(copy).as_posix() for p in there}
            diff = [o for o in names if not (copy/o).exists() or text(ROOT/o) != text(copy/o)] + sorted(now-set(names))
            if r.returncode: result(cmd, "failed"); print(tail(r.stdout))
            else: result(f"{cmd} leaves no diff", "failed" if diff else "passed", ", ".join(diff[:6]))


def house():
    "How the notebooks read: no number is worse than the record in `.ci/house.json`."
    if SAVE: rules.record()
    now, kept = rules.measured(), json.loads(rules.RECORD.read_text(encoding="utf-8"))
    print(f"          {'':<36}{'now':>8}{'record':>8}{'aim':>6}")
    for k, v in now.items(): print(f"          {k:<36}{v:>8}{kept.get(k, '–'):>8}{rules.AIM[k]:>6}")
    bad = rules.worse(now, kept)
    result("the notebooks read no worse than before", "failed" if bad else "passed", "; ".join(bad))


PAGES = [*sorted((ROOT/"nbs/tutorials").glob("*.ipynb")), ROOT/"nbs/contributing.ipynb", ROOT/"nbs/architecture.ipynb"]

def run_notebook(nb, flags=""):
    "Run one notebook as `nbdev_test` does; `flags`: the slow cells, too."
    with tempfile.TemporaryDirectory() as tmp:
        code, s, cpu = pool.in_process(pool.notebook, (nb, flags), f"{tmp}/log", 900)
        result(nb.relative_to(ROOT/"nbs").as_posix(), "failed" if code else "passed", seconds=s)
        spend("notebooks", cpu); spend(f"  {nb.relative_to(ROOT/'nbs').as_posix()}", cpu)
        if code: print(tail(Path(tmp, "log").read_text(encoding="utf-8", errors="replace")), flush=True)


def notebook_jobs(pages=PAGES):
    "A job for every notebook of the library, and for `pages`; those of tests only define what pytest runs."
    left_out, lib = {"tests", ".ipynb_checkpoints"}, sorted((ROOT/"nbs/lib").rglob("*.ipynb"))
    lib = [o for o in lib if not left_out & set(o.relative_to(ROOT).parts)]
    return [partial(run_notebook, nb) for nb in [*lib, *pages]]


def changed_notebooks():
    "The notebooks of the library, tutorials and pages with code that differ from `main`, or from what was committed."
    if not shutil.which("git") or not (ROOT/".git").exists(): return []
    def git(*words):
        r = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
        return r.stdout.split("\n") if r.returncode == 0 else []
    base = next((o for b in ("origin/main", "main") for o in git("merge-base", "HEAD", b) if o), "HEAD")
    names = {*git("diff", "--name-only", base), *git("ls-files", "-o", "--exclude-standard")}
    found = [o.args[0] for o in notebook_jobs() if o.args[0].relative_to(ROOT).as_posix() in names]
    return [partial(run_notebook, o, "slow") for o in found] # nobody else runs their slow cells


# the longest first; whole chains when the smoke run has read the corpus, which is kept
LONG = ("pipeline", "peers", "launch", "gpu", "reference", "own_pair", "given", "adapters", "figures", "saes", "stream")

def run_tests(file, which=""):
    "Run one file of tests, or those whose marks fit `which`."
    with tempfile.TemporaryDirectory() as tmp:
        of = f"pytest/{file.name}"
        code, _, cpu = pool.in_process(pool.pytest_file, (file, f"{tmp}/x.xml", which, of), f"{tmp}/log", 1800)
        spend("pytest", cpu); spend(f"  {file.name}", cpu)
        said = Path(tmp, "log").read_text(encoding="utf-8", errors="replace") if Path(tmp, "log").exists() else ""
        if not Path(tmp, "x.xml").exists():
            result(file.name, "failed", f"ended with {code}")
            print(tail(said), flush=True)
            return
        for c in ET.parse(f"{tmp}/x.xml").iter("testcase"):
            bad = c.find("failure") is not None or c.find("error") is not None
            how = "failed" if bad else "skipped" if c.find("skipped") is not None else "passed"
            name = f"{c.get('classname', '').rpartition('.')[2]}.{c.get('name')}"
            result(name, how, seconds=float(c.get("time", 0)))
        if code not in (0, 5): print(tail(said, 60), flush=True) # 5: no test of the file has such marks


def pytest_jobs(alone=False):
    "A job for every file of exported tests, the longest first; or one for those that measure memory, to be run alone."
    files = sorted((ROOT/"sae_diploma/tests").glob("test_*.py"), key=lambda f: -f.stat().st_size)
    if alone: return [] if FAST else [partial(run_tests, f, "alone") for f in files if f.stem == "test_bench"]
    first = [f for o in LONG for f in files if f.stem == f"test_{o}"]
    which = "not slow and not alone" if FAST else "not alone"
    return [partial(run_tests, f, which) for f in [*first, *(f for f in files if f not in first)]]


def ended(errors):
    "What went wrong outside of a check."
    for e in errors: result("a job", "failed", f"{type(e).__name__}: {e}")


def notebooks():
    "Every notebook of the library and every tutorial runs."
    run_all(notebook_jobs(), CORES)


def changed():
    "The notebooks that differ from `main` run."
    run_all(changed_notebooks(), CORES)


def pytest():
    "The exported tests, side by side; then those that measure memory, alone."
    run_all(pytest_jobs(), CORES); run_all(pytest_jobs(alone=True), 1)


RUN = ROOT/"_runs/test"

def slowest_cells(n=20):
    "Where the time of the smoke run went, in lines."
    found = []
    for f in sorted((RUN/"notebooks").glob("*.ipynb")):
        for c in json.loads(f.read_text(encoding="utf-8"))["cells"]:
            took = (c["metadata"].get("papermill") or {}).get("duration") or 0
            found.append((took, f.stem, " ".join("".join(c["source"]).split())[:80]))
    return "\n".join(f"{s:12.1f} s  {name}: {code}" for s, name, code in sorted(found, reverse=True)[:n])


def smoke():
    "The chapters run with the smoke preset, and a second call finds all done."
    shutil.rmtree(RUN, ignore_errors=True)
    from sae_diploma.pipeline import find_chapters
    t = time.time()
    r = call("sae-diploma", "reproduce", "--preset", "smoke", "--run-dir", RUN, what="chain")
    for stage, c in find_chapters(ROOT/"nbs").items():
        result(c.nb.name, "passed" if (RUN/stage/"stage.json").exists() else "failed")
    result("the smoke chain", "failed" if r.returncode else "passed", seconds=time.time()-t)
    print(tail(r.stdout), slowest_cells(), sep="\n")
    if r.returncode: return
    t = time.time()
    r = call("sae-diploma", "reproduce", "--preset", "smoke", "--run-dir", RUN, what="chain", fresh=True)
    ok = r.returncode == 0 and r.stdout.count("up to date") == len(find_chapters(ROOT/"nbs"))
    result("a second call finds all up to date", "passed" if ok else "failed", seconds=time.time()-t)


SMALL = {"02": "use_peft True max_steps 8 n_evals 1 n_eval_pairs 8 n_eval_generate 2 n_eval_plain 4 max_new_tokens 4 "
               "n_bootstrap 50 n_validation_pairs 8 n_validation_plain 4",
         "03": "n_sae_plain 40 n_sae_task 24 n_eval_plain 10 n_eval_task 10 max_length 128 architectures topk "
               "d_sae 128 sae_epochs 1 n_ce_documents 2 probe_tokens 2048 frontier_architectures topk frontier_k 4 "
               "frontier_d_sae 32 frontier_documents 2 n_again 1 n_detected 64",
         "04": "n_bootstrap 20 n_permutations 100 n_relabellings 5 min_docs 3 d_sae_delta 32 d_sae_joint 32 "
               "model_specific_k 4 n_ce_documents 1 trajectory_stops 0.5 n_trajectory_documents 4 layers 0"}

DRAFT = dict(SAE_DIPLOMA_DRAFT="1") # of each figure one picture: the smoke run has them all

def adapters():
    "With LoRA the placebo is an adapter too: chapters 2 and 3, small, train it and read it; papermill alone compares."
    from sae_diploma.core import load_parquet
    with tempfile.TemporaryDirectory() as tmp:
        run, t, said = Path(tmp)/"run", time.time(), ""
        shutil.copytree(RUN, run, ignore=shutil.ignore_patterns("notebooks", "0[2-7]_*", "site", ".*.new"))
        sizes = [o for c, text in SMALL.items() for k, v in zip(*[iter(text.split())]*2) for o in ("-p", f"{c}.{k}", v)]
        for c in ("02", "03"):
            r = call("sae-diploma", "reproduce", "--preset", "smoke", "--run-dir", run, *sizes, "--update", "--only", c,
                timeout=1800, what="LoRA", env=DRAFT)
            said += r.stdout
            if r.returncode: break
        t4 = time.time()
        if not r.returncode:
            r = call("papermill", "nbs/04_model_comparison.ipynb", f"{tmp}/out.ipynb", "-p", "run_dir", run,
                "--no-progress-bar", what="LoRA", env=DRAFT) # sizes are in the run's parameters
            said += r.stdout
        result("papermill runs chapter 04 alone", "failed" if r.returncode else "passed", seconds=time.time()-t4)
        compared = run/"04_comparison/placebo.parquet"
        made = {"trained": run/"02_sft/placebo/adapter_model.safetensors",
            "read": run/"03_saes/acts/placebo/store.json", "compared with": compared}
        for what, f in made.items(): result(f"with LoRA, the placebo is {what}", "passed" if f.exists() else "failed")
        moved = compared.exists() and load_parquet(compared).placebo_delta.abs().max() > 0
        result("chapters 2 to 4 with LoRA", "passed" if moved and not r.returncode else "failed", seconds=time.time()-t)
        if r.returncode: print(tail(said))


def chain():
    "The chapters run with the smoke preset, twice, and chapters 2 to 4 with LoRA."
    smoke()
    if (RUN/"01_data/stage.json").exists(): adapters()


SITES = tempfile.TemporaryDirectory() # what is built for a look

def site():
    "The site of that run: built, all its links resolve; then looked at, and what Quarto gets beside it."
    built("smalldocs")
    return [partial(timed, o) for o in (sound, partial(looked_at, "smalldocs"), by_quarto)]


def sound():
    "The pages and the book that Quarto gets."
    t = time.time()
    with tempfile.TemporaryDirectory() as tmp: r = call(sys.executable, "-c", STAGES, RUN, tmp, what="site")
    result("pages and book for Quarto are sound", "failed" if r.returncode else "passed", seconds=time.time()-t)
    if r.returncode: print(tail(r.stdout))


def by_quarto():
    "Site and PDF by Quarto, where it is."
    from sae_diploma.site import quarto_note
    if why := quarto_note():
        for o in ("the site by Quarto", "the PDF by Quarto"): result(o, "skipped", why)
        return
    built("quarto")
    looked_at("quarto")
    t = time.time()
    r = call("sae-diploma", "export", "--run-dir", RUN, "--to", "thesis.pdf", "--out", f"{SITES.name}/thesis.pdf",
        what="site")
    said = [o for o in r.stdout.splitlines() if o.startswith("export: ") and "Quarto " not in o and "MB)" not in o]
    result("the PDF by Quarto", "failed" if r.returncode or said else "passed", "; ".join(said[:3]), time.time()-t)
    if r.returncode: print(tail(r.stdout))


STAGES = """
import sys
from pathlib import Path
from sae_diploma.export import book_stage, thesis_pages
from sae_diploma.site import check_stage, for_quarto, gather
if __name__ == "__main__":
    run, tmp, bad = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), []
    for name in ("pages", "book"):
        stage = tmp/name; stage.mkdir()
        gather(run, stage, library=name == "pages")
        failed = [o for o in stage.rglob("*.ipynb") if "could not be executed (" in o.read_text(encoding="utf-8")]
        bad += [f"{o.relative_to(stage)}: it could not be executed" for o in sorted(failed)]
        if name == "pages": for_quarto(stage); bad += check_stage(stage)
        else: bad += book_stage(stage, run, "Thesis", thesis_pages())
    print("\\n".join(bad)); sys.exit(bool(bad))
"""


def built(how):
    "One renderer's site: built, and complete."
    from sae_diploma.site import check_site
    t, out = time.time(), f"{SITES.name}/{how}"
    r = call("sae-diploma", "site", "--run-dir", RUN, "--out", out, "--how", how, what="site")
    bad, failed = check_site(out) if Path(out).exists() else [r.stdout], r.returncode
    what = f"the site by {how} is built, all links and pictures resolve"
    result(what, "failed" if failed or bad else "passed", seconds=time.time()-t)
    if failed or bad: print(tail("\n".join(bad)), tail(r.stdout), sep="\n")


def looked_at(how):
    "Every page of a site in a browser, and a page of each kind dark and narrow."
    from driver import find_axe, find_browser
    from pages import browse, kinds
    out = f"{SITES.name}/{how}"
    if not Path(out).exists(): return
    if not find_browser(): return result(f"the site by {how} in a browser", "skipped", "no Chromium was found")
    axe = find_axe()
    if not axe: result("no serious barrier for readers (axe-core)", "skipped",
        "axe-core was not found: `pip install axe-playwright-python`, or AXE=path/to/axe.min.js")
    def each(what, found):
        for page, bad in found.items(): result(f"{what}: {page}", "failed" if bad else "passed", "; ".join(bad))
    t = time.time()
    each(f"in the browser, by {how}", browse(out, axe=axe, code=False))
    print(f"  (every page, light, 1280 px{', with axe' if axe else ''}: {time.time()-t:.0f} s)", flush=True)
    t, views = time.time(), [(1280, True), (390, False), (390, True)]
    each(f"dark, and 390 px wide, by {how}", browse(out, axe=axe, views=views, only=kinds(out)))
    print(f"  (a page of each kind, dark and narrow: {time.time()-t:.0f} s)", flush=True)


def latents():
    "The latent browser with 16,384 rows, opened as a file: search, sorting, filter, keys, a link that restores them."
    from driver import find_browser
    from latents import try_browser
    if not find_browser(): return result("the latent browser", "skipped", "no Chromium was found")
    t = time.time()
    bad = try_browser()
    result("the latent browser, 16,384 rows, as a file", "failed" if bad else "passed", "; ".join(bad), time.time()-t)


def lab():
    "The explorer of that run in JupyterLab: it renders, and a click on the scatter changes the card."
    from driver import find_browser
    from lab import explore
    if not find_browser() or not (BIN/"jupyter-lab").exists():
        return result("the explorer in JupyterLab", "skipped", "no Chromium or no JupyterLab was found")
    t = time.time()
    bad = explore(RUN)
    result("the explorer in JupyterLab", "failed" if bad else "passed", "; ".join(bad), time.time()-t)


def timed(part):
    "One part, said and timed; an error of its own is a failure. What it returns are parts that may begin after it."
    t, of, more = time.time(), getattr(part, "func", part), None
    print(f"\n{of.__name__}: {of.__doc__}", flush=True)
    try: more = part()
    except Exception as e: result(of.__name__, "failed", f"{type(e).__name__}: {e}")
    print(f"  ({of.__name__}: {time.time()-t:.0f} s)", flush=True)
    return more


def everything():
    "The chain and what it made, tests, notebooks, side by side; the site runs tutorials and pages with code."
    def run_and_pages():
        timed(smoke)
        after = [site, adapters, lab] if (RUN/"01_data/stage.json").exists() else []
        return [partial(timed, o) for o in after]
    parts = [partial(timed, o) for o in (clean, house, latents)]
    slots = CORES - CORES//2 + 2 # commands have half of the cores; some jobs wait: for kernels, the browser, the clock
    run_all([run_and_pages, *pytest_jobs(), *parts, *notebook_jobs(pages=())], slots)
    run_all(pytest_jobs(alone=True), 1)


def check():
    "What two minutes can say: the export, how notebooks read, those that differ from `main`, tests that are not slow."
    global FAST
    FAST = True
    parts = [partial(timed, o) for o in (clean, house)]
    run_all([*parts, *changed_notebooks(), *pytest_jobs()], CORES)


@contextlib.contextmanager
def warm_kernels(parts):
    "On Linux, kernels and commands are forked for the parts that start many; what they spent is listed."
    if not pool.FORKS or not {everything, chain, site, pytest, notebooks} & set(parts):
        yield
        return
    with forked_kernels.forked(ENV) as (more, used):
        ENV.update(more)
        os.environ.update(more)
        yield
    for name, n in used.items():
        first, _, of = name.partition("/")
        for o in (first, CALLED, f"  {of}")[:2+bool(of)]: spend(o, n)


if __name__ == "__main__":
    t0 = time.time()
    toys = tempfile.TemporaryDirectory() # thirty notebooks and tests need the same small runs
    ENV["SAE_DIPLOMA_TOYS"] = toys.name
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.update({k: v for k, v in ENV.items() if k not in os.environ} | ONE) # for the jobs
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning") # of jobs that end at once
    ENV.update(HALF)                                                                # for commands
    parts = [globals()[o] for o in [o for o in sys.argv[1:] if not o.startswith("--")] or ["everything"]]
    with warm_kernels(parts):
        for part in parts: run_all(timed(part) or [], CORES)
    spend("this process, with its browsers", pool.used()-spent.pop(CALLED, 0))
    print("\nprocessor seconds:")
    for what, n in spent.most_common(30): print(f"{n:8.0f}  {what}")
    print(f"\n{time.time()-t0:.0f} s in all")
    if not_begun: print(f"{len(not_begun)} parts were not begun within {MINUTES:g} minutes, {', '.join(not_begun[:5])} first")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(bool(counts["failed"]))
