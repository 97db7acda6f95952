#!/usr/bin/python3
"""Every relative link in the Markdown files leads somewhere.

Usage: check_docs.py SOURCE_DIR
"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1]).resolve()
pages = [p for folder in (".", "docs", "examples", "tests", "bench", "scripts")
         for p in (source.glob("*.md") if folder == "." else (source / folder).rglob("*.md"))]
links, broken = 0, []
for page in pages:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" in target:
            continue
        links += 1
        if not (page.parent / target).exists():
            broken.append(f"{page.relative_to(source)}: {target}")
if broken or not links:
    sys.exit("\n".join(broken) or "no links found")
print(f"{links} links in {len(pages)} pages")
