"Reads settings.ini, as nbdev 2.4 projects do, and hands it to setuptools; puts the chapters into the built package."
from configparser import ConfigParser
from pathlib import Path
from shutil import copy2

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

config = ConfigParser(delimiters=["="])
config.read("settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]
statuses = ["1 - Planning", "2 - Pre-Alpha", "3 - Alpha", "4 - Beta", "5 - Production/Stable"]


class WithChapters(build_py):
    "An installed package runs its chapters without the source tree; an editable one finds them in nbs/."
    def run(self):
        super().run()
        if self.editable_mode: return
        dest = Path(self.build_lib)/cfg["lib_name"]/"chapters"
        dest.mkdir(parents=True, exist_ok=True)
        for nb in sorted(Path("nbs").glob("[0-9][0-9]_*.ipynb")): copy2(nb, dest)


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=Path("README.md").read_text(encoding="utf-8") if Path("README.md").exists() else cfg["description"],
    long_description_content_type="text/markdown",
    license="MIT",
    keywords=cfg["keywords"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    classifiers=[f"Development Status :: {statuses[int(cfg['status']) - 1]}",
                 "Intended Audience :: Science/Research",
                 "Programming Language :: Python :: 3"],
    packages=find_packages(include=["sae_diploma", "sae_diploma.*"]),
    package_data={"sae_diploma": ["tiny/*", "presets/*.json", "assets/*", "assets/*/*", "tests/baseline/*.png", "data/*", "*.json"]},
    include_package_data=True,
    install_requires=cfg["requirements"].split(),
    extras_require={"dev": cfg["dev_requirements"].split(), "site": cfg["site_requirements"].split(),
                    "track": cfg["track_requirements"].split(), "bench": cfg["bench_requirements"].split(),
                    "gguf": cfg["gguf_requirements"].split()},
    python_requires=">=" + cfg["min_python"],
    entry_points={"console_scripts": cfg["console_scripts"].split(),
                  "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
    cmdclass={"build_py": WithChapters},
    zip_safe=False,
)
