"Jobs of the tests, each in a process of its own, forked from one that has the libraries: importing them takes seconds."
import collections, functools, io, json, multiprocessing, os, sys, threading, time
from pathlib import Path

FORKS = sys.platform == "linux"  # elsewhere each process imports for itself
starting = threading.Lock()


@functools.cache
def _start():
    "The server that processes are forked from; it finds `warm` by its path alone."
    from multiprocessing.forkserver import ensure_running, set_forkserver_preload
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(o for o in (str(Path(__file__).parent), before) if o)
    set_forkserver_preload(["warm"])
    ensure_running()
    os.environ["PYTHONPATH"] = before


def forks():
    "Where processes come from: on Linux a server that has imported `warm`."
    if FORKS:
        with starting: _start()
    return multiprocessing.get_context("forkserver" if FORKS else "spawn")


def used():
    "Processor seconds of this process and of those that it waited for."
    try: import resource
    except ImportError: return time.process_time()
    of = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(o.ru_utime + o.ru_stime for o in of)


def _child(fn, args, log):
    "Run a job; what it and its children print goes into a file, the processor seconds into another beside it."
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for o in (1, 2): os.dup2(fd, o)
    if hasattr(os, "nice"): os.nice(5) # the chain and its site take longest, one after another: they come first
    sys.stdout = sys.stderr = io.TextIOWrapper(open(1, "wb", 0, closefd=False), encoding="utf-8", errors="replace",
        write_through=True)
    try: code = fn(*args)
    except SystemExit as e: code = e.code
    except BaseException:
        import traceback
        traceback.print_exc(); code = 1
    Path(f"{log}.cpu").write_text(json.dumps(used()), encoding="utf-8")
    os._exit(int(code) if isinstance(code, int) else int(bool(code))) # no waiting for threads that a library left


def notebook(path, flags=""):
    "Run one notebook as `nbdev_test` does, with cells of these flags where some are given."
    from nbdev.test import nbdev_test
    nbdev_test(path=str(path), n_workers=0, flags=flags)


def pytest_file(path, xml, which="", of=""):
    "Run one file of tests, or those whose marks fit; what it starts is listed under `of`."
    import pytest
    os.environ["SAE_DIPLOMA_TEST_OF"] = of
    some = ["-m", which] if which else []
    return pytest.main(["-q", "-p", "no:cacheprovider", str(path), f"--junitxml={xml}", *some])


def in_process(fn, args, log, timeout):
    "`(exit code, seconds, processor seconds)` of a job in a process of its own; one that hangs is killed."
    t = time.time()
    p = forks().Process(target=_child, args=(fn, args, str(log)))
    p.start(); p.join(timeout)
    if p.is_alive(): p.kill(); p.join()
    spent = Path(f"{log}.cpu")
    return p.exitcode, time.time()-t, json.loads(spent.read_text(encoding="utf-8")) if spent.exists() else 0.


def run_all(jobs, slots, too_late=lambda job: False):
    """Call `jobs`, functions without arguments, from `slots` threads in their order; returns the errors.

    A job may return a list of further ones, which are next. One that is `too_late` is left."""
    todo, errors, changed, busy = collections.deque(jobs), [], threading.Condition(), [0]
    def take():
        with changed:
            while not todo and busy[0]: changed.wait() # another job may still return some
            if not todo: return None
            busy[0] += 1
            return todo.popleft()
    def done(more):
        with changed:
            todo.extendleft(reversed(more or []))
            busy[0] -= 1
            changed.notify_all()
    def work():
        while job := take():
            more = None
            try: more = None if too_late(job) else job()
            except Exception as e: errors.append(e)
            finally: done(more)
    threads = [threading.Thread(target=work) for _ in range(slots)]
    for o in threads: o.start()
    for o in threads: o.join()
    return errors
