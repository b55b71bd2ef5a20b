"""Whether the rendered manifests of an overlay fit together: what refers to what, and the edges of the network against the settings that use them."""

import re

import restricted

ADDRESS = re.compile(r"^http://(crm-[a-z]+):(\d+)$")
TEMPLATES = {"Deployment", "StatefulSet", "Job", "DaemonSet"}


def problems(objects, secrets):
    """`secrets` are the names of the Secrets that the guide has an operator make."""
    by_kind = {}
    for one in objects:
        by_kind.setdefault(one["kind"], {})[one["metadata"]["name"]] = one
    workloads = [one for one in objects if one["kind"] in TEMPLATES]
    found = []
    for one in workloads:
        found += _pod(one, by_kind, secrets)
    found += _selectors(by_kind, workloads)
    found += _edges(by_kind)
    if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in [p["spec"] for p in by_kind.get("NetworkPolicy", {}).values()]:
        found.append("no NetworkPolicy denies everything by default")
    namespace = next(iter(by_kind.get("Namespace", {}).values()), {})
    if namespace.get("metadata", {}).get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
        found.append("the namespace does not enforce the restricted profile")
    return found


def _pod(one, by_kind, secrets):
    template = one["spec"]["template"]
    spec, what = template["spec"], f"{one['kind']}/{one['metadata']['name']}"
    found = restricted.problems(template.get("metadata") or {}, spec)
    if spec.get("automountServiceAccountToken") is not False:
        found.append("mounts a token of its ServiceAccount")
    if spec.get("serviceAccountName") not in by_kind.get("ServiceAccount", {}):
        found.append(f"ServiceAccount {spec.get('serviceAccountName')} is not there")
    for container in restricted.containers(spec):
        found += _container(container, by_kind)
    for volume in spec.get("volumes") or []:
        secret = (volume.get("secret") or {}).get("secretName")
        if secret and secret not in secrets:
            found.append(f"Secret {secret} is not one that the guide makes: {', '.join(sorted(secrets))}")
        config = (volume.get("configMap") or {}).get("name")
        if config and config not in by_kind.get("ConfigMap", {}):
            found.append(f"ConfigMap {config} is not there")
    pause = max([((c.get("lifecycle") or {}).get("preStop") or {}).get("sleep", {}).get("seconds", 0) for c in spec["containers"]])
    if one["kind"] == "Deployment" and spec.get("terminationGracePeriodSeconds", 30) < pause + 30:
        found.append("ends before it has drained: 25 s of drain, 5 s of margin and the pause before them are needed")
    return [f"{what}: {problem}" for problem in found]


def _container(container, by_kind):
    name, found = container["name"], []
    if not (container.get("securityContext") or {}).get("readOnlyRootFilesystem"):
        found.append(f"container {name} can write to its image")
    resources = container.get("resources") or {}
    for kind, wanted in (("requests", ("cpu", "memory")), ("limits", ("memory",))):
        found += [f"container {name} has no {kind} of {what}" for what in wanted if what not in (resources.get(kind) or {})]
    tag = container["image"].rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
    if "@sha256:" not in container["image"] and tag in ("", "latest"):
        found.append(f"image {container['image']} names no version")
    for source in container.get("envFrom") or []:
        config = (source.get("configMapRef") or {}).get("name")
        if config and config not in by_kind.get("ConfigMap", {}):
            found.append(f"ConfigMap {config} is not there")
    for variable in container.get("env") or []:
        if re.search(r"SECRET|PASSWORD(?!_FILE)|DATABASE_URL|OPERATOR_KEY", variable["name"]):
            found.append(f"variable {variable['name']} is a secret in the environment: name a file")
    return found


def _matches(selector, labels):
    """A LabelSelector, or the plain map of a Service."""
    exact = selector.get("matchLabels", {} if {"matchExpressions", "matchLabels"} & set(selector) else selector)
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    for rule in selector.get("matchExpressions") or []:
        if rule["operator"] != "In":
            raise ValueError(f"operator {rule['operator']} is not known to this check")
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def _labels(workload):
    return workload["spec"]["template"]["metadata"].get("labels") or {}


def _selectors(by_kind, workloads):
    found = []
    for name, one in by_kind.get("Service", {}).items():
        chosen = [w for w in workloads if _matches(one["spec"]["selector"], _labels(w))]
        if len(chosen) != 1 or chosen[0]["kind"] == "Job":
            found.append(f"Service/{name} leads to {[w['metadata']['name'] for w in chosen] or 'nothing'}")
            continue
        ports = {p.get("name"): p["containerPort"] for c in chosen[0]["spec"]["template"]["spec"]["containers"] for p in c.get("ports") or []}
        found += [f"Service/{name} leads to port {p['targetPort']}, which no container has"
                  for p in one["spec"]["ports"] if p["targetPort"] not in ports and p["targetPort"] not in ports.values()]
    for name, one in by_kind.get("PodDisruptionBudget", {}).items():
        if len([w for w in workloads if w["kind"] == "Deployment" and _matches(one["spec"]["selector"], _labels(w))]) != 1:
            found.append(f"PodDisruptionBudget/{name} does not guard one Deployment")
    for name, one in by_kind.get("HorizontalPodAutoscaler", {}).items():
        if one["spec"]["scaleTargetRef"]["name"] not in by_kind.get("Deployment", {}):
            found.append(f"HorizontalPodAutoscaler/{name} scales what is not there")
    for name in by_kind.get("Deployment", {}):
        found += [f"Deployment/{name} has no {kind}" for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Service")
                  if name not in by_kind.get(kind, {})]
        if by_kind["Deployment"][name]["spec"].get("replicas") is not None:
            found.append(f"Deployment/{name} states replicas, which the autoscaler decides")
    return found


def wanted_edges(by_kind):
    """(caller, called, port) as the settings say: addresses of services in the ConfigMaps, ports as their Services lead on."""
    edges, found = set(), []
    for name, one in by_kind.get("Deployment", {}).items():
        for source in one["spec"]["template"]["spec"]["containers"][0].get("envFrom") or []:
            config = by_kind.get("ConfigMap", {}).get((source.get("configMapRef") or {}).get("name"), {})
            for key, value in (config.get("data") or {}).items():
                address = ADDRESS.match(value)
                if value.startswith("http") and not address:
                    found.append(f"Deployment/{name}: {key} is not the address of a service here: {value}")
                if not address:
                    continue
                service = by_kind.get("Service", {}).get(address[1])
                if not service or int(address[2]) not in [p["port"] for p in service["spec"]["ports"]]:
                    found.append(f"Deployment/{name}: {key} leads nowhere: {value}")
                    continue
                edges.add((name, address[1]))
    return edges, found


def _edges(by_kind):
    """The policies let through what the settings use, in both directions, and nothing else between processes."""
    wanted, found = wanted_edges(by_kind)
    deployments = by_kind.get("Deployment", {})
    for direction, end in (("Egress", "to"), ("Ingress", "from")):
        allowed = set()
        for policy in by_kind.get("NetworkPolicy", {}).values():
            for own, one in deployments.items():
                if not _matches(policy["spec"]["podSelector"], _labels(one)):
                    continue
                for rule in policy["spec"].get(direction.lower()) or []:
                    for peer in rule.get(end) or [{"podSelector": {}}]:
                        if "podSelector" not in peer or "namespaceSelector" in peer or not rule.get("ports"):
                            continue
                        others = [name for name, other in deployments.items() if _matches(peer["podSelector"], _labels(other))]
                        allowed |= {(own, other) if end == "to" else (other, own) for other in others}
        allowed = {edge for edge in allowed if edge[0] != edge[1]}
        found += [f"NetworkPolicy: {a} calls {b}, but {direction.lower()} is not let through" for a, b in sorted(wanted - allowed)]
        found += [f"NetworkPolicy: {direction.lower()} from {a} to {b} is let through, but nothing uses it" for a, b in sorted(allowed - wanted)]
    return found
