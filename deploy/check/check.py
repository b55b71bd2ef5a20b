"""Checks the manifests of deploy/. Called by scripts/deploy-check.sh, which brings the tools.

    check.py ROOT RENDERED PODS     RENDERED has a file for each overlay; PODS holds Kubernetes' own pods, or is not there
"""

import json
import subprocess
import sys
from pathlib import Path

import breaks
import cluster
import restricted
import sources
import yaml

MINORS = ("1.35", "1.36", "1.37")
MOST_WAIVERS = 3
BIN = Path(sys.executable).parent


def main(root, rendered, pods):
    found = _prove(pods)
    files = sorted(rendered.glob("*.yaml"))
    objects = {path.stem: [one for one in yaml.safe_load_all(path.read_text()) if one] for path in files}
    for overlay, ones in objects.items():
        wrong = cluster.problems(ones, _secrets(root, overlay))
        found += [f"{overlay}: {problem}" for problem in wrong]
        missed = [] if wrong else breaks.problems(ones, _secrets(root, overlay))
        found += [f"{overlay}: {problem}" for problem in missed]
        broken = f"; broken in {len(breaks.BREAKS)} ways, {len(breaks.BREAKS) - len(missed)} found" if not wrong else ""
        print(f"-- {overlay}: {len(ones)} objects, {len(wrong)} problems{broken}")
    found += _schemas(files)
    found += sources.problems(root, objects)
    found += _checkov(root, files)
    for problem in found:
        print(f"FAIL {problem}")
    print(f"-- deploy: {len(found)} problems" if found else "-- deploy: no problems")
    return 1 if found else 0


def _prove(pods):
    """The check of the restricted profile agrees with Kubernetes about Kubernetes' own pods."""
    if not pods.is_dir():
        print("-- restricted profile: not proved, since Kubernetes' own pods are not there (CRM_SHARED_DATA)")
        return []
    found, seen = [], {"pass": 0, "fail": 0}
    for verdict in seen:
        for path in sorted((pods / verdict).glob("*.yaml")):
            pod = yaml.safe_load(path.read_text())
            problems = restricted.problems(pod["metadata"], pod["spec"])
            seen[verdict] += 1
            if bool(problems) != (verdict == "fail"):
                found.append(f"restricted profile: {verdict}/{path.name} is judged otherwise: {problems}")
    if not all(seen.values()):
        found.append(f"restricted profile: {pods} has no pods to prove it with")
    print(f"-- restricted profile: proved with {seen['pass']} pods that pass and {seen['fail']} that fail")
    return found


def _secrets(root, overlay):
    services = [p.parent.parent.name for p in root.glob("services/*/src/main.rs")]
    names = {f"crm-{name}" for name in services} | {f"crm-migration-{name}" for name in services}
    return names | ({"crm-postgres"} if overlay == "development" else set())


def _schemas(files):
    found = []
    for minor in MINORS:
        ran = subprocess.run([BIN / "kubernetes-validate", "--strict", "--no-warn", "--quiet", "-k", minor, *files], capture_output=True, text=True)
        print(f"-- schemas of Kubernetes {minor}: {'valid' if ran.returncode == 0 else 'INVALID'}")
        if ran.returncode:
            found.append(f"Kubernetes {minor}: {(ran.stdout + ran.stderr).strip()}")
    return found


def _checkov(root, files):
    waivers = yaml.safe_load((root / "deploy/check/waivers.yaml").read_text())
    found = [f"waiver of {one['check']} gives no reason" for one in waivers if len(one.get("reason", "")) < 20]
    if len(waivers) > MOST_WAIVERS:
        found.append(f"{len(waivers)} waivers; {MOST_WAIVERS} at most")
    used = set()
    targets = [(path.stem, "kubernetes", path) for path in files] + [("Dockerfile", "dockerfile", root / "deploy/compose/Dockerfile")]
    for what, framework, path in targets:
        command = [BIN / "checkov", "--file", path, "--framework", framework, "--output", "json", "--quiet", "--compact", "--skip-download"]
        ran = subprocess.run(command, capture_output=True, text=True)
        try:
            report = json.loads(ran.stdout)
            summary, failed = report["summary"], report["results"]["failed_checks"]
        except (ValueError, KeyError, TypeError):
            found.append(f"checkov did not report on {what}: {ran.stdout[-500:]}{ran.stderr[-500:]}")
            continue
        if not summary["passed"] or summary["parsing_errors"]:
            found.append(f"checkov could not read {what}: {summary}")
        waived = {one["check"] for one in waivers if what in one["in"]}
        used |= {(one["check_id"], what) for one in failed}
        found += [f"checkov: {one['check_id']} {one['check_name']}: {one['resource']} in {what}" for one in failed if one["check_id"] not in waived]
        print(f"-- checkov of {what}: {summary['passed']} passed, {len([1 for one in failed if one['check_id'] in waived])} waived")
    found += [f"waiver of {one['check']} in {what} is not needed" for one in waivers for what in one["in"] if (one["check"], what) not in used]
    return found


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
