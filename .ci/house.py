"How the notebooks read, as numbers: none may be worse than the record in `house.json`."
import ast, json, re, statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT/".ci/house.json"
BETTER_HIGH = ("cells with one definition, %", "example within 3 cells, %", "public names shown, %")
AIM = {"lines over 120 columns, %": 1, "lines over 140 columns": 0, "definition cell, median lines": 12,
    "definition cell, 90th percentile": 30, "cells with one definition, %": 90, "example within 3 cells, %": 90,
    "public names shown, %": 90, "chapter cells over 8 lines": 0, "chapter cells over 600 characters": 0,
    "modules over 500 lines": 0}


def text(cell): return "".join(cell["source"])

def cells_of(nb): return json.loads(nb.read_text(encoding="utf-8"))["cells"]

def directives(cell): return re.findall(r"^#\|\s*(\w+)", text(cell), re.M)

def exported(cell): return cell["cell_type"] == "code" and any(o.startswith("export") for o in directives(cell))

def body(cell): return [line for line in text(cell).splitlines() if not line.startswith("#|")]

def share(some): return round(100*sum(some)/max(1, len(some)), 1)


def definitions(cell):
    "Functions and classes of an exported cell."
    return [o for o in ast.parse("\n".join(body(cell))).body if isinstance(o, (ast.FunctionDef, ast.ClassDef))]


def shown_names(cells, i):
    "For each public definition of cell `i`: is its name in an example before the next exported cell?"
    after = ""
    for c in cells[i+1:]:
        if exported(c): break
        after += text(c)
    public = [o.name for o in definitions(cells[i]) if not o.name.startswith("_")]
    if "exporti" in directives(cells[i]): return []
    return [bool(re.search(rf"\b{name}\b", after)) for name in public]


def library(root=ROOT):
    "Numbers of the library's notebooks."
    widths, sizes, single, followed, shown, long = [], [], [], [], [], 0
    for nb in sorted((root/"nbs/lib").rglob("*.ipynb")):
        if {"tests", ".ipynb_checkpoints"} & set(nb.relative_to(root).parts): continue
        cells, lines = cells_of(nb), 0
        for i, c in enumerate(cells):
            if not exported(c): continue
            lines += len(body(c))
            full = [line for line in body(c) if line.strip()]
            widths += map(len, full)
            if not (found := definitions(c)): continue
            sizes.append(len(full))
            single.append(len(found) == 1)
            followed.append(any(o["cell_type"] == "code" and not exported(o) for o in cells[i+1:i+4]))
            shown += shown_names(cells, i)
        long += lines > 500
    return {"lines over 120 columns, %": share([o > 120 for o in widths]),
        "lines over 140 columns": sum(o > 140 for o in widths),
        "definition cell, median lines": statistics.median(sizes),
        "definition cell, 90th percentile": sorted(sizes)[int(.9*len(sizes))],
        "cells with one definition, %": share(single), "example within 3 cells, %": share(followed),
        "public names shown, %": share(shown), "modules over 500 lines": long}


def chapters(root=ROOT):
    "Numbers of the chapters' cells."
    cells = [c for nb in sorted((root/"nbs").glob("[0-9][0-9]_*.ipynb")) for c in cells_of(nb)]
    own = lambda c: c["cell_type"] == "code" and "parameters" not in c["metadata"].get("tags", [])
    code = [text(c).splitlines() for c in cells if own(c)]
    return {"chapter cells over 8 lines": sum(sum(bool(o.strip()) for o in c) > 8 for c in code),
        "chapter cells over 600 characters": sum(sum(map(len, c)) > 600 for c in code)}


def measured(root=ROOT): return library(root) | chapters(root)


def worse(now, record):
    "The numbers that are worse than in the record."
    return [k for k, v in now.items() if k in record and (v < record[k] if k in BETTER_HIGH else v > record[k])]


def record():
    "Write the numbers as they are now."
    RECORD.write_text(json.dumps(measured(), indent=1)+"\n", encoding="utf-8")
