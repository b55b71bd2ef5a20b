"""Whether a pod may run under Kubernetes' restricted profile. The rules are those of the Pod Security Standards (kubernetes.io, "Restricted", which
includes "Baseline"), for Linux pods and for Windows pods as far as they are held to them."""

CAPABILITIES = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
                "SETUID", "SYS_CHROOT"}
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
           "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
           "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
           "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def problems(metadata, spec):
    """What the profile refuses of a pod (template), as sentences."""
    windows = (spec.get("os") or {}).get("name") == "windows"
    pod = spec.get("securityContext") or {}
    found = _host(spec) + _volumes(spec) + _shared(pod, "the pod")
    for name in _sysctls(pod) - SYSCTLS:
        found.append(f"sysctl {name} is not a safe one")
    for key, value in ((metadata.get("annotations") or {})).items():
        if key.startswith(APPARMOR) and value and value != "runtime/default" and not value.startswith("localhost/"):
            found.append(f"annotation {key} turns AppArmor off")
    if pod.get("runAsUser") == 0 and not windows:
        found.append("the pod runs as user 0")
    for container in containers(spec):
        found += _container(container, pod, windows)
    return found


def containers(spec):
    """Every container of a pod, whenever it runs."""
    return [one for kind in ("initContainers", "containers", "ephemeralContainers") for one in spec.get(kind) or []]


def _sysctls(pod):
    return {one["name"] for one in pod.get("sysctls") or []}


def _host(spec):
    return [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]


def _volumes(spec):
    found = []
    for volume in spec.get("volumes") or []:
        kinds = set(volume) - {"name"} or {"emptyDir"}
        found += [f"volume {volume['name']} is of kind {kind}" for kind in kinds - VOLUMES]
    return found


def _shared(context, what):
    """Rules that hold for the pod's context and for each container's."""
    found = []
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        found.append(f"{what} is a Windows host process")
    linux = context.get("seLinuxOptions") or {}
    if linux.get("type", "") not in SELINUX_TYPES or linux.get("user") or linux.get("role"):
        found.append(f"{what} sets SELinux options that are not allowed")
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        found.append(f"{what} turns seccomp off")
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        found.append(f"{what} turns AppArmor off")
    return found


def _container(container, pod, windows):
    context, name = container.get("securityContext") or {}, f"container {container['name']}"
    found = _shared(context, name)
    if context.get("privileged"):
        found.append(f"{name} is privileged")
    if context.get("procMount", "Default") != "Default":
        found.append(f"{name} sets procMount")
    if any(port.get("hostPort") for port in container.get("ports") or []):
        found.append(f"{name} takes a port of the host")
    found += _handlers(container, name)
    capabilities = context.get("capabilities") or {}
    added = set(capabilities.get("add") or [])
    if added - CAPABILITIES:
        found.append(f"{name} adds capabilities that are not allowed")
    # What is not said for a container is taken from the pod.
    if not context.get("runAsNonRoot", pod.get("runAsNonRoot")):
        found.append(f"{name} may run as root: runAsNonRoot is not true")
    if windows:
        return found
    if context.get("runAsUser") == 0:
        found.append(f"{name} runs as user 0")
    if context.get("allowPrivilegeEscalation") is not False:
        found.append(f"{name} may escalate: allowPrivilegeEscalation is not false")
    if "ALL" not in (capabilities.get("drop") or []) or added - {"NET_BIND_SERVICE"}:
        found.append(f"{name} keeps capabilities: it must drop ALL and add at most NET_BIND_SERVICE")
    seccomp = (context.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
    if seccomp not in ("RuntimeDefault", "Localhost"):
        found.append(f"{name} has no seccomp profile")
    return found


def _handlers(container, name):
    """Probes and life-cycle hooks go to the pod itself."""
    handlers = {probe: container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")}
    handlers.update(container.get("lifecycle") or {})
    return [
        f"{name} has a host in {handler}"
        for handler, what in handlers.items()
        for kind in ("httpGet", "tcpSocket")
        if isinstance(what, dict) and (what.get(kind) or {}).get("host")
    ]
