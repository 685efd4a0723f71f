"What a process of the tests finds imported on Linux, where it is forked from one that has imported this."
import contextlib, gc, importlib, os, pkgutil
from pathlib import Path

import sae_diploma

here, *others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if here == str(Path(__file__).parent): os.environ["PYTHONPATH"] = os.pathsep.join(others) # as `pool` found it

LIBRARIES = ["torch", "transformers", "datasets", "peft", "trl", "pandas", "scipy.stats", "scipy.optimize",
    "matplotlib.pyplot", "safetensors.torch", "nbdev.test", "ipykernel.kernelapp", "papermill", "pytest", "hypothesis"]
APART = ("tests", "gpu", "bench_gpu")  # of this package: what is imported by pytest, or needs what is not always there


def package():
    "Names of this package's modules."
    for o in pkgutil.iter_modules(sae_diploma.__path__, "sae_diploma."):
        if o.name.rpartition(".")[2] in (*APART, "_modidx"): continue
        yield o.name


for name in [*LIBRARIES, *package()]:
    with contextlib.suppress(ImportError): importlib.import_module(name)
gc.collect()
gc.freeze()  # what is here stays: no collection in a forked process looks at it, or copies it, again
