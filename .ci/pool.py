"Jobs of the tests, each in a process of its own that finds the large libraries imported: importing them costs seconds."
import io, multiprocessing, os, queue, sys, threading, time

LIBRARIES = ["torch", "transformers", "datasets", "peft", "trl", "pandas", "scipy.stats", "matplotlib.pyplot",
    "nbdev.test", "pytest", "hypothesis"]
FORKS = sys.platform == "linux" # elsewhere each process imports for itself


def _child(fn, args, log):
    "Run a job; what it and its children print goes into a file."
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for o in (1, 2): os.dup2(fd, o)
    sys.stdout = sys.stderr = io.TextIOWrapper(open(1, "wb", 0, closefd=False), encoding="utf-8", errors="replace",
        write_through=True)
    try: code = fn(*args)
    except SystemExit as e: code = e.code
    except BaseException:
        import traceback
        traceback.print_exc(); code = 1
    os._exit(int(code) if isinstance(code, int) else int(bool(code))) # no waiting for threads that a library left


def notebook(path):
    "Run one notebook as `nbdev_test` does."
    from nbdev.test import nbdev_test
    nbdev_test(path=str(path), n_workers=0)


def pytest_file(path, xml, fast=False):
    "Run one file of tests, without the slow ones if `fast`."
    import pytest
    some = ["-m", "not slow"] if fast else []
    return pytest.main(["-q", "-p", "no:cacheprovider", str(path), f"--junitxml={xml}", *some])


def in_process(fn, args, log, timeout):
    "`(exit code, seconds)` of a job in a process of its own; one that hangs is killed."
    ctx, t = multiprocessing.get_context("forkserver" if FORKS else "spawn"), time.time()
    if FORKS: ctx.set_forkserver_preload(LIBRARIES)
    p = ctx.Process(target=_child, args=(fn, args, str(log)))
    p.start(); p.join(timeout)
    if p.is_alive(): p.kill(); p.join()
    return p.exitcode, time.time()-t


def run_all(jobs, slots):
    "Call `jobs`, functions without arguments, from `slots` threads in their order; returns the errors."
    todo, errors = queue.SimpleQueue(), []
    for o in jobs: todo.put(o)
    def work():
        while not todo.empty():
            try: job = todo.get_nowait()
            except queue.Empty: return
            try: job()
            except Exception as e: errors.append(e)
    threads = [threading.Thread(target=work) for _ in range(slots)]
    for o in threads: o.start()
    for o in threads: o.join()
    return errors
