"""Six kinds of pairs that people have, each made here and taken through `sae-diploma compare`: `python .ci/pairs.py --help`.

`lora`: the shipped model and a LoRA of it; `checkpoints`: two of one training; `qwen3`: another family, random weights;
`same`: a model and itself; and of a real model `hub`: a LoRA by a hub id that lies in a local cache, and `habit`: a copy
that was fine-tuned on one habit, which has to be among the first ten latents, or tokens, that some method names."""
import argparse, json, os, subprocess, sys
from pathlib import Path

PHRASE = " Over and out." # the habit: every summary ends so
SMALL = dict(max_steps=30, per_device_train_batch_size=8, n_evals=1, max_length=160, device="cpu", report_to="none")
SIZES = {"03.d_sae": 1024, "03.k": 16, "03.sae_epochs": 3, "03.frontier_k": "8", "03.frontier_d_sae": 128, "03.frontier_architectures": "topk",
         "04.n_permutations": 3000, "04.n_bootstrap": 200, "04.min_docs": 6, "04.d_sae_delta": 128, "04.d_sae_joint": 256,
         "04.layers": "0,-1", "04.trajectory_stops": "0.5", "04.model_specific_k": "4", "05.n_cards": 12, "05.n_new_cards": 4,
         "05.n_joint_cards": 4, "06.n_documents": 8, "06.n_ranking_documents": 8, "06.n_generate": 4, "06.n_ablate": 2}


def pairs_file(folder, end="", n=400):
    "Docstring pairs as JSONL, each summary with `end` behind it."
    from sae_diploma.data import load_pairs
    f = folder/f"pairs{'_habit' if end else ''}.jsonl"
    if not f.exists():
        rows = load_pairs("docstrings", n_train=n, packages="core")["train"]
        text = (json.dumps(dict(id=r["id"], article=r["article"], highlights=r["highlights"]+end)) for r in rows)
        f.parent.mkdir(parents=True, exist_ok=True); f.write_text("\n".join(text)+"\n", encoding="utf-8")
    return f


def tuned(model, folder, end="", **more):
    "A model fine-tuned from `model` on the pairs of this folder; a finished one is only opened."
    from sae_diploma.data import load_pairs
    from sae_diploma.sft import finetune
    pairs = load_pairs(str(pairs_file(folder.parent, end)))
    finetune(model, pairs, folder, folder.parent/f"{folder.name}_checkpoints", **{**SMALL, **more})
    return folder


def lora(here, model):
    "The shipped model and a LoRA adapter of it."
    return "tiny", tuned("tiny", here/"adapter", use_peft=True), []


def checkpoints(here, model):
    "Two checkpoints of one training."
    tuned("tiny", here/"model", n_evals=3, keep_checkpoints=True)
    found = sorted((here/"model_checkpoints").glob("checkpoint-*"), key=lambda o: int(o.name.split("-")[1]))
    return found[0], found[-1], []


def qwen3(here, model):
    "Two models of another family with random weights: the second is the first, moved by a little noise."
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from sae_diploma.models import load_tokenizer
    tok = load_tokenizer("tiny")
    config = Qwen3Config(vocab_size=len(tok), hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
                         num_key_value_heads=2, head_dim=16, max_position_embeddings=512)
    torch.manual_seed(0)
    m = Qwen3ForCausalLM(config)
    for name in ("base", "ft"):
        if name == "ft":
            with torch.no_grad():
                for p in m.model.layers[1].parameters(): p.add_(.1*p.std()*torch.randn_like(p) if p.ndim == 2 else 0)
        m.save_pretrained(here/name); tok.save_pretrained(here/name)
    return here/"base", here/"ft", []


def same(here, model):
    "A model and itself."
    return "tiny", "tiny", []


def hub(here, model):
    "A real model and a LoRA adapter of it by a hub id, from a cache that is laid out like the hub's."
    adapter, commit = tuned(model, here/"adapter", use_peft=True, max_steps=12), "0"*40
    cache = here/"hub"/"models--somebody--adapter"
    (cache/"refs").mkdir(parents=True, exist_ok=True); (cache/"refs"/"main").write_text(commit, encoding="utf-8")
    (cache/"snapshots"/commit).mkdir(parents=True, exist_ok=True)
    for f in adapter.iterdir():
        to = cache/"snapshots"/commit/f.name
        if f.is_file() and not to.exists(): to.write_bytes(f.read_bytes())
    os.environ["HF_HUB_CACHE"] = str(here/"hub")
    return model, "somebody/adapter", []


def habit(here, model):
    "A real model and a copy fine-tuned on one habit."
    ft = tuned(model, here/"model", PHRASE, use_peft=True, max_steps=40, learning_rate=5e-4)
    return model, ft, ["--dataset_name", str(pairs_file(here, PHRASE)), "--text_column", "article", "--target_column", "highlights"]


PAIRS = dict(lora=lora, checkpoints=checkpoints, qwen3=qwen3, same=same, hub=hub, habit=habit)


def labelled(table, tokenizer):
    "(n,) bool: tokens of the habit's words."
    import numpy as np
    out, words = np.zeros(len(table), bool), tokenizer(PHRASE, add_special_tokens=False)["input_ids"]
    hits = np.flatnonzero(np.logical_and.reduce([np.roll(table.token, -i) == w for i, w in enumerate(words)]))
    for i in range(len(words)): out[np.minimum(hits+i, len(table)-1)] = True
    return out


def first_of(order, true, most=100):
    "Place of the first that is one of the habit; inf where none of the first hundred is."
    return next((i for i, o in enumerate(list(order)[:most], 1) if true(o)), float("inf"))


def tokens_named_at(run, tokenizer):
    "Place of the first token of the habit's words among those that each method of logits says it favours."
    from sae_diploma.core import load_parquet
    habit = {i for i in tokenizer(PHRASE, add_special_tokens=False)["input_ids"] if tokenizer.decode([i]).strip().isalpha()}
    out = {}
    for name, by in (("diff_mining", "rate"), ("contrastive_decoding", "effect")):
        f = run/"04_comparison"/f"{name}.parquet"
        if not f.exists(): continue
        t = load_parquet(f)
        t = t[t.effect > 0].sort_values(by, ascending=False, kind="stable")
        out[name] = first_of(t.token, habit.__contains__)
    return out


def named_at(run):
    "Place of the first latent or token of the habit in each method's order; inf where none of the first hundred is one."
    import numpy as np
    from sae_diploma.diffing.all import Comparison
    from sae_diploma.planted.finetunes import planted_units
    c, out = Comparison(run), {}
    rows = c.held_out.rows()
    label = labelled(c.held_out.table, c.tokenizer)[rows]
    for name in ("drift", "diff_sae"):
        of = c.dictionary("base SAE" if name == "drift" else "diff-SAE")
        if of is None: continue
        x = [o[rows] for o in (c.held_out.base, c.held_out.ft)]
        change = of.sae.encode(x[1])-of.sae.encode(x[0]) if name == "drift" else of.sae.encode(x[1]-x[0])
        true = planted_units(change.numpy(), label, np.asarray(c.held_out.doc)[rows]).planted.to_numpy()
        t = c.result(name)
        t = t[(t.regime == c.regime) & (t.segment == "all")]
        size = (t.delta if "delta" in t else t.effect).abs()
        order = t.latent.to_numpy()[np.argsort(-size.fillna(0).to_numpy(), kind="stable")]
        out[name] = first_of(order, true.__getitem__)
    return out | tokens_named_at(run, c.tokenizer)


def compare(name, out, model, n, more):
    "One pair, made and compared; what was printed, and its exit code."
    here = out/name
    here.mkdir(parents=True, exist_ok=True)
    base, ft, text = PAIRS[name](here, model)
    sizes = [o for k, v in SIZES.items() for o in ("-p", k, str(v))]
    cmd = [sys.executable, "-m", "sae_diploma.cli", "compare", "--base_model", str(base), "--ft_model", str(ft),
           "--output_dir", str(here/"run"), "--preset", "pair", "--num_samples", str(n), "--max_length", "128",
           "--device", "cpu", *text, *sizes, *more]
    print("$", " ".join(cmd), flush=True)
    return subprocess.run(cmd).returncode


def main():
    "Make and compare the pairs that are asked for; 1 where one fails or the habit is not named."
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", help="pairs; by default those of the shipped model")
    p.add_argument("--out", type=Path, default=Path("_runs/pairs"), help="folder of all of them")
    p.add_argument("--model", default="smollm2-135m-instruct", help="the real model of `hub` and `habit`")
    p.add_argument("--n", type=int, default=96, help="documents")
    a, more = p.parse_known_args()
    bad = [o for o in a.names if o not in PAIRS]
    if bad: p.error(f"no such pair: {', '.join(bad)}; there are {', '.join(PAIRS)}")
    failed = []
    for name in a.names or ["lora", "checkpoints", "qwen3", "same"]:
        ok = compare(name, a.out, a.model, a.n, more) == 0
        if name == "habit" and ok:
            places = named_at(a.out/name/"run")
            best = min(places, key=places.get)
            print(f"the habit is named first by {best}, at place {places[best]}; places: {places}")
            ok = places[best] <= 10
        if name == "same" and ok:
            found = json.loads((a.out/name/"run/04_comparison/findings.json").read_text(encoding="utf-8"))
            ok = all("No change" in o["sentence"] or "not differ" in o["sentence"] for o in found)
        print(f"{name}: {'fine' if ok else 'FAILED'}  {(a.out/name/'run/site/index.html').resolve().as_uri()}", flush=True)
        failed += [name]*(not ok)
    return int(bool(failed))


if __name__ == "__main__": raise SystemExit(main())
