"""Whether what is written under deploy/ agrees with the sources: the settings that processes know, their ports, the metrics they expose, the functions
that search needs, and that no service is forgotten."""

import json
import re
from pathlib import Path

import yaml


def problems(root, rendered):
    """`rendered` maps each overlay to its objects."""
    services = sorted(p.parent.parent.name for p in root.glob("services/*/src/main.rs"))
    compose = yaml.safe_load((root / "deploy/compose/compose.yaml").read_text())
    found = _compose(root, compose, services)
    found += _complete(root, compose, services, rendered)
    found += _settings(root, compose, services, rendered)
    found += _metrics(root)
    found += _leakproof(root)
    wanted = re.search(r'^rust-version = "(.*)"', (root / "Cargo.toml").read_text(), re.M)[1]
    if f"FROM rust:{wanted}" not in (root / "deploy/compose/Dockerfile").read_text():
        found.append(f"Dockerfile: builds with another Rust than {wanted}, the one of Cargo.toml")
    return found


def _complete(root, compose, services, rendered):
    """Every process is everywhere."""
    found = []
    made = re.search(r"^services=\((.*)\)", (root / "deploy/secrets.sh").read_text(), re.M)[1].split()
    if sorted(made) != services:
        found.append(f"secrets.sh makes secrets of {sorted(made)}, but the services are {services}")
    jobs = {job["job_name"] for job in yaml.safe_load((root / "deploy/observability/prometheus.yaml").read_text())["scrape_configs"]}
    watched = yaml.safe_load((root / "deploy/observability/collector.yaml").read_text())["receivers"]["postgresql"]["databases"]
    found += [f"collector.yaml does not watch the database crm_{name}" for name in services if f"crm_{name}" not in watched]
    for name in [*services, "gateway"]:
        if name not in compose["services"]:
            found.append(f"compose.yaml has no {name}")
        if name not in jobs:
            found.append(f"prometheus.yaml does not read {name}")
        for overlay, objects in rendered.items():
            kinds = {one["kind"] for one in objects if one["metadata"]["name"] in (f"crm-{name}", f"crm-migration-{name}")}
            wanted = {"Deployment", "Service", "NetworkPolicy", "ServiceAccount"} | ({"Job"} if name in services else set())
            found += [f"{overlay} has no {kind} of {name}" for kind in sorted(wanted - kinds)]
    return found


def _compose(root, compose, services):
    found, images = [], {}
    for name, one in compose["services"].items():
        limits = ((one.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        found += [f"compose: {name} has no limit of {what}" for what in ("cpus", "memory") if what not in limits]
        if "no-new-privileges:true" not in one.get("security_opt", []):
            found.append(f"compose: {name} may gain privileges")
        if not re.search(r":[^:/}]*\d", one["image"]):
            found.append(f"compose: {name} names no version of its image")
        for variable in one.get("environment") or {}:
            if re.search(r"SECRET|PASSWORD(?!_*FILE)|DATABASE_URL|OPERATOR_KEY", variable):
                found.append(f"compose: {variable} of {name} is a secret in the environment")
        found += [f"compose: {name} wants the secret {secret}, which is not there" for secret in one.get("secrets") or [] if secret not in compose["secrets"]]
        found += [f"compose: {name} mounts {path}, which is not there" for path in (v.split(":")[0] for v in one.get("volumes") or [])
                  if path.startswith(".") and not (root / "deploy/compose" / path).exists()]
        if name in services or name == "gateway":
            found += [f"compose: {name} lacks {what}" for what in ("build", "healthcheck", "read_only", "cap_drop") if not one.get(what)]
            images[name] = one["build"]["args"]["BINARY"]
    found += [f"compose: {name} is built from {binary}" for name, binary in images.items() if binary != f"crm-{name}"]
    return found


def _settings(root, compose, services, rendered):
    """Names of settings exist, since a process refuses to start for one it does not know; ports are those the process listens on."""
    found = []
    places = [("compose", one.get("environment") or {}) for one in compose["services"].values()]
    places += [(overlay, one.get("data") or {}) for overlay, objects in rendered.items() for one in objects if one["kind"] == "ConfigMap"]
    knows = {name: _known(root, name) for name in services}
    gateway = set(re.findall(r"^    pub (\w+):", (root / "gateway/src/config.rs").read_text(), re.M))
    for place, variables in places:
        for variable, value in variables.items():
            service = re.match(r"CRM_([A-Z]+)__(\w+)$", variable)
            if service and service[2].lower().split("__")[0] not in knows.get(service[1].lower(), ()):
                found.append(f"{place}: {variable} is no setting")
            if variable.startswith("CRM_GATEWAY_") and variable[12:].lower().split("__")[0] not in gateway:
                found.append(f"{place}: {variable} is no setting of the gateway")
            address = re.match(r"http://([a-z]+):(\d+)$", str(value))
            if place == "compose" and address and address[2] != _port(root, address[1], "listen"):
                found.append(f"compose: {variable} is {value}, but {address[1]} listens elsewhere")
    for name in services:
        port = _port(root, name, "metrics_listen")
        if compose["services"].get(name, {}).get("healthcheck", {}).get("test", [])[2:3] != [port]:
            found.append(f"compose: the health check of {name} does not ask port {port}")
        jobs = yaml.safe_load((root / "deploy/observability/prometheus.yaml").read_text())["scrape_configs"]
        if not any(job["job_name"] == name and str(job["dns_sd_configs"][0]["port"]) == port for job in jobs):
            found.append(f"prometheus.yaml: {name} shows its metrics at port {port}")
    return found


def _known(root, service):
    """The settings of a service: its own, or those of the kit and the addresses of the services it asks."""
    own = root / f"services/{service}/src/config.rs"
    source = own if own.exists() else root / "services/kit/record/src/service/process.rs"
    known = set(re.findall(r"^    pub (\w+):", source.read_text(), re.M))
    if own.exists():
        return known
    peers = re.findall(r'\((?:\w+::)*"?(\w+)"?, "http://localhost:\d+"\)', (root / f"services/{service}/src/app.rs").read_text())
    return known | {"platform"} | {name.lower() for name in peers}


def _port(root, service, setting):
    own = root / f"services/{service}/src/config.rs"
    if own.exists():
        default = re.search(rf'^ +{setting}: "0\.0\.0\.0:(\d+)"', own.read_text(), re.M)
        return default[1] if default else None
    app = root / f"services/{service}/src/app.rs"
    port = app.exists() and re.search(r"^    port: (\d+),", app.read_text(), re.M)
    return str(int(port[1]) + (2000 if setting == "metrics_listen" else 0)) if port else None


def _metrics(root):
    """A dashboard or an alert names no metric that nobody exposes."""
    text = "".join(p.read_text() for where in ("services", "gateway") for p in (root / where).rglob("*.rs"))
    exposed = set(re.findall(r'(?:counter|gauge|histogram)!\(\s*"(\w+)"', text))
    found = []
    for path in (root / "deploy/observability").rglob("*"):
        if path.is_dir() or path.suffix not in (".yaml", ".json"):
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        used = {name for name in re.findall(r"\bcrm_\w+", path.read_text()) if path.name != "collector.yaml"}
        found += [f"{path.name}: nobody exposes {name}" for name in sorted(used) if name not in exposed and re.sub(r"_(bucket|sum|count)$", "", name) not in exposed]
    return found


def _leakproof(root):
    source = (root / "services/kit/pg/src/server/database.rs").read_text()
    listed = source[source.index("const SEARCH_FUNCTIONS"):]
    wanted = set(re.findall(r'\(\s*"([\w.]+\([\w,]+\))"', listed[:listed.index("];")]))
    marked = set(re.findall(r"ALTER FUNCTION (\S+) LEAKPROOF", (root / "deploy/postgres/databases.sh").read_text()))
    return [] if wanted == marked else [f"databases.sh marks {sorted(marked ^ wanted)} otherwise than kit/pg does"]
