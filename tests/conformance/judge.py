"""Reads the index of Autobahn's report and fails when a case failed: python3 judge.py INDEX; `--self-test` judges forged reports."""

import json
import sys

GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}
# Fewer were never run: a report of nothing is no success.
CASES_MIN = 40


def judge(report: dict[str, dict[str, dict[str, object]]]) -> tuple[list[str], list[str]]:
    """What to print, and what is wrong."""
    lines, wrong = [], []
    if not report:
        wrong.append("the report is empty")
    for agent, cases in sorted(report.items()):
        counts: dict[str, int] = {}
        unlike: dict[str, list[str]] = {}
        for case, result in sorted(cases.items(), key=lambda item: [int(part) for part in item[0].split(".")]):
            for said in ("behavior", "behaviorClose"):
                if result[said] not in GOOD:
                    wrong.append(f"{agent} {case}: {said} {result[said]}")
            behavior = str(result["behavior"])
            counts[behavior] = counts.get(behavior, 0) + 1
            if behavior == "NON-STRICT":
                unlike.setdefault(behavior, []).append(case)
        if len(cases) < CASES_MIN:
            wrong.append(f"{agent}: only {len(cases)} cases")
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        lines.append(f"{agent}: {len(cases)} cases: {told}")
        lines += [f"  {name}: {' '.join(names)}" for name, names in unlike.items()]
    return lines, wrong


def self_test() -> None:
    """The judge finds what is wrong in reports that are forged."""
    good = {f"1.1.{number}": {"behavior": "OK", "behaviorClose": "OK"} for number in range(1, CASES_MIN + 1)}
    assert judge({"a": good})[1] == []
    for said in ("behavior", "behaviorClose"):
        for value in ("FAILED", "WRONG CODE", "UNCLEAN", "UNIMPLEMENTED", "new"):
            assert judge({"a": good | {"1.1.1": good["1.1.1"] | {said: value}}})[1], (said, value)
    assert judge({})[1]
    assert judge({"a": {"1.1.1": good["1.1.1"]}})[1]
    print("the judge of Autobahn's reports finds forged ones")


if sys.argv[1:] == ["--self-test"]:
    self_test()
else:
    with open(sys.argv[1], encoding="utf-8") as file:
        lines, wrong = judge(json.load(file))
    print("\n".join(lines))
    if wrong:
        sys.exit("\n".join(["Autobahn: FAILED", *wrong]))
