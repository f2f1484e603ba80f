"""Checks the models of what threads share, and of the checkpoint's protocol: by spin, over every interleaving. Each must
hold, and each of its broken variants, which the head of the model names, must be found.

    check.py [MODEL]...
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def run(folder, *words):
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout[-2000:])
    return done.stdout


def verify(model, variant):
    """(errors, states) of a full search: assertions, and states in which nobody can go on."""
    with tempfile.TemporaryDirectory(prefix="kpid-model-") as folder:
        run(folder, "spin", "-a", *([f"-D{variant}"] if variant else []), str(model))
        run(folder, "cc", "-O2", "-w", "-DSAFETY", "-DVECTORSZ=2048", "-DCOLLAPSE", "-o", "pan", "pan.c")
        said = run(folder, "./pan", "-m1000000")
    assert "max search depth too small" not in said, said
    return int(re.search(r"errors: (\d+)", said)[1]), int(float(re.search(r"([\d.e+]+) states, stored", said)[1]))


def variants_of(model):
    text = model.read_text(encoding="utf-8")
    named = re.search(r"Broken variants?:(.*?)\*/", text, re.S)[1]
    return re.findall(r"\b[A-Z][A-Z_]+\b(?= \()", named)


def main():
    wrong = 0
    models = [pathlib.Path(word) for word in sys.argv[1:]] or sorted(HERE.glob("*.pml"))
    for model in models:
        errors, states = verify(model.resolve(), None)
        wrong += errors != 0
        print(f"{model.stem}: {states} states, {errors} errors")
        variants = variants_of(model)
        assert variants, f"{model}: no broken variant"
        for variant in variants:
            found = verify(model.resolve(), variant)[0] > 0
            wrong += not found
            print(f"  {variant}: {'found' if found else 'NOT FOUND'}")
    print(f"{len(models)} models, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    main()
