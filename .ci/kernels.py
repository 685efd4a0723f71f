"""Kernels and Python processes of the tests, forked from processes that have imported the large libraries.

Every Jupyter program finds the kernel `python3` of `kernel_folder` first; tests start `SAE_DIPLOMA_TEST_PYTHON` where
a process may find libraries imported. Both are `kernel.py`, which asks a server here for a fork, lends it its streams,
lives as long as the fork does, and ends as it ends. Of each kind one server has imported all, another (`-plain`) only
what reads nothing of the hub's in its environment: it serves a process with another cache. Where the environment
differs in more, or no server answers, it becomes what it stands for."""
import collections, contextlib, gc, importlib, json, os, runpy, select, signal, socket, struct, subprocess, sys
import tempfile, warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = ["torch", "pandas", "scipy.stats", "scipy.optimize", "matplotlib.pyplot", "pyarrow.parquet"]
JUPYTER = ["ipykernel.zmqshell", "ipykernel.kernelapp", "ipywidgets", "tqdm.auto"] # then bars are a notebook's
OF_THE_HUB = ["transformers", "datasets", "peft", "trl", "safetensors.torch", "tokenizers"]
COMMANDS = ["papermill", "torch.distributed.launcher.api"]
READ_AT_IMPORT = ("TORCH", "PYTORCH", "CUDA", "MPLCONFIG", "XDG_", "HOME", "PYTHONUTF8", "TRITON")
READ_BY_THE_HUBS = ("HF_", "HUGGINGFACE", "TRANSFORMERS_", "DATASETS_", "ACCELERATE")
READ_LATER = ("TORCHINDUCTOR_CACHE_DIR", "TORCHELASTIC_", "TORCH_NCCL_", "ACCELERATE_USE_CPU") # set by PyTorch, mostly


def warm(names):
    "Import what forks shall find."
    for name in names:
        with contextlib.suppress(ImportError): importlib.import_module(name)
    gc.collect()
    gc.freeze()


def warm_kernel():
    "Import as a kernel would: after `zmqshell`, progress bars are a notebook's, and so are pictures."
    import matplotlib
    matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    warm(JUPYTER)


def imported(env, read):
    "What imports have read of an environment."
    return {k: v for k, v in env.items() if k.startswith(read) and not k.startswith(READ_LATER)}


def give_way(nice):
    "Be as nice as the launcher: within this session, and this session beside others where the system weighs those."
    os.nice(max(0, nice-os.nice(0)))
    if nice > 0:
        with contextlib.suppress(OSError): Path("/proc/self/autogroup").write_text(str(nice), encoding="utf-8")


def settle(asked):
    "Make this fork what a fresh process would be."
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    give_way(asked["nice"])
    own = [o for o in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if o]
    sys.path[:] = [*own, *(o for o in sys.path if o not in (str(HERE), *own))]
    import ctypes
    import numpy as np
    np.random.seed() # as a fresh process: a fork would repeat its siblings' numbers
    n, torch = asked["env"].get("OMP_NUM_THREADS", ""), sys.modules.get("torch")
    if torch and n.isdigit(): torch.set_num_threads(int(n))
    libc = ctypes.CDLL(None)
    if "MALLOC_MMAP_MAX_" in asked["env"]: libc.mallopt(-4, int(asked["env"]["MALLOC_MMAP_MAX_"]))
    if "MALLOC_TRIM_THRESHOLD_" in asked["env"]:
        libc.mallopt(-1, min(2**31-1, int(asked["env"]["MALLOC_TRIM_THRESHOLD_"])))


def run_kernel(asked):
    "Be a kernel until it is shut down."
    from ipykernel.kernelapp import launch_new_instance
    parent = asked["env"].get("JPY_PARENT_PID", "0")
    sys.argv = ["ipykernel_launcher.py", *asked["args"], f"--IPKernelApp.parent_handle={parent}"]
    launch_new_instance()


def run_python(asked):
    "Do what `python` does with these arguments: `-u` or `-W ignore`, then `-c code`, `-m module` or a file."
    args = list(asked["args"])
    while args[0] in ("-u", "-W"): # lines are written at once anyway
        if args.pop(0) == "-W": warnings.simplefilter(args.pop(0))
    what, sys.argv = args[0], args[1:] if args[0] in ("-c", "-m") else args
    main = sys.modules["__main__"] = type(sys)("__main__")
    if what == "-c":
        code, sys.argv[0] = sys.argv[0], "-c"
        sys.path.insert(0, "")
        exec(compile(code, "<string>", "exec"), vars(main))
    elif what == "-m":
        sys.path.insert(0, os.getcwd())
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(what)))
        runpy.run_path(what, run_name="__main__")


def be(run, asked, streams):
    "Run in this fork, and end it with the exit code."
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for fd, o in zip((1, 2), streams): os.dup2(o, fd)
    for o in streams: os.close(o)
    sys.stdout, sys.stderr = (open(fd, "w", 1, encoding="utf-8", errors="replace", closefd=False) for fd in (1, 2))
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    code = 0
    try:
        settle(asked)
        run(asked)
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(bool(e.code))
        if isinstance(e.code, str): print(e.code, file=sys.stderr)
    except BaseException:
        import traceback
        traceback.print_exc(); code = 1
    import atexit, threading
    if run is run_python: threading._shutdown()
    atexit._run_exitfuncs()
    for o in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception): o.flush()
    os._exit(code)


def asked_by(conn):
    "What a launcher asks for, and the streams that it lends."
    head, streams, *_ = socket.recv_fds(conn, 4, 2)
    left, text = struct.unpack("!I", head)[0], b""
    while len(text) < left: text += conn.recv(left-len(text)) or (_ for _ in ()).throw(EOFError())
    return json.loads(text), streams


class Server:
    "Forks until its standard input is closed, and keeps the processor seconds of what it forked."
    def __init__(self, folder, door, env):
        self.folder, self.name, self.kernels, self.used = Path(folder), door, {}, collections.Counter()
        self.read = READ_AT_IMPORT if door.endswith("-plain") else READ_AT_IMPORT+READ_BY_THE_HUBS
        self.run_one, self.env = run_kernel if door.startswith("kernel") else run_python, imported(env, self.read)
        self.door = socket.socket(socket.AF_UNIX) # until here kernels are ordinary ones
        self.door.bind(str(self.folder/f"{door}.door"))
        self.door.listen(64)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.woken, w = os.pipe()
        for o in (self.woken, w): os.set_blocking(o, False)
        signal.set_wakeup_fd(w)

    def let_in(self):
        "Let a launcher in: a fork, or word that it should be a kernel itself."
        conn, _ = self.door.accept()
        try: asked, streams = asked_by(conn)
        except (OSError, EOFError, ValueError, struct.error): return conn.close()
        if imported(asked["env"], self.read) != self.env:
            with contextlib.suppress(OSError): conn.sendall(b"other")
            conn.close()
        elif pid := os.fork(): self.kernels[pid] = conn, self.what(asked["env"])
        else:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for o in (conn, self.door, *(c for c, _ in self.kernels.values())): o.close()
            be(self.run_one, asked, streams)
        for o in streams: os.close(o)

    def what(self, env):
        "What a process is listed under."
        if self.run_one is run_kernel: return f"kernels/kernel of {Path(env.get('SAE_DIPLOMA_NOTEBOOK', 'other')).stem}"
        return env.get("SAE_DIPLOMA_TEST_OF") or "Python"

    def reap(self):
        "Tell the launchers of what has ended how it did."
        with contextlib.suppress(BlockingIOError): os.read(self.woken, 4096)
        while self.kernels:
            try: pid, status, use = os.wait4(-1, os.WNOHANG)
            except ChildProcessError: return
            if not pid: return
            if pid not in self.kernels: continue # another server
            conn, name = self.kernels.pop(pid)
            self.used[name] += use.ru_utime + use.ru_stime
            with contextlib.suppress(OSError): conn.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            conn.close()

    def pass_on(self, pid):
        "An interrupt of the launcher interrupts its fork; its end is the fork's."
        if pid not in self.kernels: return
        try: said = self.kernels[pid][0].recv(16)
        except OSError: said = b""
        with contextlib.suppress(OSError): os.kill(pid, signal.SIGINT) if said else os.killpg(pid, signal.SIGKILL)

    def end(self):
        "All is over: so is what is left."
        for pid in self.kernels:
            with contextlib.suppress(OSError): os.killpg(pid, signal.SIGKILL)
        (self.folder/f"{self.name}.json").write_text(json.dumps(self.used), encoding="utf-8")

    def run(self):
        while True:
            conns = {c: pid for pid, (c, _) in self.kernels.items()}
            ready, _, _ = select.select([0, self.door, self.woken, *conns], [], [])
            for o in ready:
                if o is self.door: self.let_in()
                elif o == self.woken: self.reap()
                elif o in conns: self.pass_on(conns[o])
                elif o == 0: return self.end()


def python_in(folder):
    "A file that is called as `python` is."
    f = Path(folder)/"python"
    f.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{HERE}/kernel.py" --python "$@"\n', encoding="utf-8")
    f.chmod(0o755)
    return str(f)


def kernel_folder(folder):
    "A folder for `JUPYTER_PATH` whose kernel `python3` is `kernel.py`."
    from ipykernel.kernelspec import get_kernel_dict
    spec = get_kernel_dict()
    spec["argv"] = [sys.executable, "-I", "-S", str(HERE/"kernel.py"), "-f", "{connection_file}"]
    at = Path(folder)/"kernels/python3"
    at.mkdir(parents=True)
    (at/"kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return Path(folder)


@contextlib.contextmanager
def forked(env):
    "Within, servers fork; gives what the environment needs, and a counter that has the forks' seconds afterwards."
    with tempfile.TemporaryDirectory() as tmp:
        more = dict(JUPYTER_PATH=os.pathsep.join(o for o in (str(kernel_folder(tmp)), env.get("JUPYTER_PATH")) if o),
            SAE_DIPLOMA_TEST_FORKS=str(tmp), SAE_DIPLOMA_TEST_PYTHON=python_in(tmp),
            SAE_DIPLOMA_KERNELS="fresh") # the runner would fork its own
        used = collections.Counter()
        p = subprocess.Popen([sys.executable, str(HERE/"kernels.py"), tmp], stdin=subprocess.PIPE, env=dict(env),
            start_new_session=True) # an interrupt of the terminal's ends it by its input, with all that it has forked
        try: yield more, used
        finally:
            p.stdin.close()
            p.wait()
            for f in Path(tmp).glob("*.json"): used.update(json.loads(f.read_text(encoding="utf-8")))


def serve(folder):
    "Four servers, each forked from the one that has imported what they share."
    env, children, door = dict(os.environ), [], "python-plain"
    warm(LIBRARIES)
    for other, more in (("python", [*OF_THE_HUB, *COMMANDS]), ("kernel-plain", []), ("kernel", OF_THE_HUB)):
        if pid := os.fork(): children.append(pid)
        else:
            children, door = [], other
            if door.startswith("kernel"): warm_kernel()
            warm(more)
            break
    Server(folder, door, env).run()
    for o in children:
        with contextlib.suppress(ChildProcessError): os.waitpid(o, 0)


if __name__ == "__main__": serve(sys.argv[1])
