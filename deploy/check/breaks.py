"""Breaks rendered manifests, one way after the other, and expects each to be found: a check that finds nothing is no check."""

import copy

import cluster


def problems(objects, secrets):
    """The breaks that were not found."""
    found = []
    for what, expected, harm in BREAKS:
        broken = copy.deepcopy(objects)
        harm(broken)
        if not any(expected in problem for problem in cluster.problems(broken, secrets)):
            found.append(f"broken on purpose and not found: {what}")
    return found


def _one(objects, kind, name):
    return next(one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name))


def _pod(objects, kind="Deployment", name="crm-sales"):
    return _one(objects, kind, name)["spec"]["template"]["spec"]


def _drop(objects, kind, name):
    objects.remove(_one(objects, kind, name))


def _let_sales_call_nobody(objects):
    rules = _one(objects, "NetworkPolicy", "crm-sales")["spec"]["egress"]
    rules[:] = [rule for rule in rules if rule["ports"] != [{"port": 7000}]]


def _let_everybody_in(objects):
    _one(objects, "NetworkPolicy", "crm-platform")["spec"]["ingress"].append({"ports": [{"port": 7000}]})
    _one(objects, "NetworkPolicy", "crm-sales")["spec"]["ingress"].append({"ports": [{"port": 7000}]})
    _one(objects, "Deployment", "crm-gateway")["spec"]["template"]["spec"]["containers"][0]["envFrom"] = []


def _read_secret_variable(objects):
    _pod(objects)["containers"][0]["env"].append({"name": "CRM_SALES__INTERNAL_SECRET", "value": "x"})


def _send_calls_to_the_job(objects):
    _one(objects, "Service", "crm-sales")["spec"]["selector"].pop("app.kubernetes.io/component")


def _misspell_an_address(objects):
    for one in objects:
        if one["kind"] == "ConfigMap" and "CRM_SALES__PLATFORM" in (one.get("data") or {}):
            one["data"]["CRM_SALES__PLATFORM"] = "http://crm-plattform:7000"


BREAKS = [
    ("a container as root", "may run as root", lambda o: _pod(o)["securityContext"].pop("runAsNonRoot")),
    ("a sidecar with all capabilities", "keeps capabilities",
     lambda o: _pod(o, "Job", "crm-migration-sales")["initContainers"][0]["securityContext"].pop("capabilities")),
    ("no seccomp", "no seccomp profile", lambda o: _pod(o)["securityContext"].pop("seccompProfile")),
    ("a folder of the host", "of kind hostPath", lambda o: _pod(o)["volumes"].append({"name": "h", "hostPath": {"path": "/"}})),
    ("an image that can be written to", "can write to its image",
     lambda o: _pod(o)["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False)),
    ("no limit of memory", "no limits of memory", lambda o: _pod(o)["containers"][0]["resources"]["limits"].pop("memory")),
    ("an image without version", "names no version", lambda o: _pod(o)["containers"][0].update(image="crm-sales")),
    ("a token", "mounts a token", lambda o: _pod(o).pop("automountServiceAccountToken")),
    ("an account that is not there", "ServiceAccount", lambda o: _drop(o, "ServiceAccount", "crm-sales")),
    ("a secret nobody makes", "is not one that the guide makes", lambda o: _pod(o)["volumes"][0]["secret"].update(secretName="sales")),
    ("a secret in the environment", "is a secret in the environment", _read_secret_variable),
    ("no time to drain", "ends before it has drained", lambda o: _pod(o).update(terminationGracePeriodSeconds=30)),
    ("no default deny", "denies everything by default", lambda o: _drop(o, "NetworkPolicy", "default-deny")),
    ("an edge too few", "egress is not let through", _let_sales_call_nobody),
    ("an edge too many", "nothing uses it", _let_everybody_in),
    ("an address that leads nowhere", "leads nowhere", _misspell_an_address),
    ("calls that reach a migration", "Service/crm-sales leads to", _send_calls_to_the_job),
    ("no budget", "has no PodDisruptionBudget", lambda o: _drop(o, "PodDisruptionBudget", "crm-sales")),
    ("no autoscaler", "has no HorizontalPodAutoscaler", lambda o: _drop(o, "HorizontalPodAutoscaler", "crm-sales")),
    ("a namespace without profile", "restricted profile", lambda o: _one(o, "Namespace", "crm")["metadata"].pop("labels")),
]
