#!/usr/bin/python3
"""Says how many tests of a ctest run were skipped, and why.

Usage: tell_skipped.py JUNIT.xml
"""
import collections
import re
import sys
import xml.etree.ElementTree

reasons = collections.Counter()
tests = xml.etree.ElementTree.parse(sys.argv[1]).getroot().findall("testcase")
for test in tests:
    if test.find("skipped") is None:
        continue
    said = test.findtext("system-out") or ""
    # GoogleTest prints the place, "Skipped", and the reason on the next line.
    reason = re.search(r": Skipped\n(.+)", said)
    reason = (reason.group(1) if reason else (said.strip().splitlines() or [""])[-1]).strip()
    reasons[re.sub(r"\S*/\S*", "...", reason) or "no reason given"] += 1
print(f"{len(tests)} tests, {sum(reasons.values())} of them skipped"
      + (":" if reasons else ""))
for reason, count in reasons.most_common():
    print(f"  {count:4} {reason}")
if any("reference" in reason or "golden" in reason for reason in reasons):
    print("  Reference data are the reference tools' own files, which are no part of this repository;"
          " CMake's\n  RIDGELINE_REFERENCE_DIR says where they are.")
